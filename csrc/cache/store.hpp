// cache/store.hpp: entries by key, the least recently used of them given up when their bytes exceed
// the budget. One owner thread, no lock. Ordered, not hashed: a peer that chooses its keys gains
// nothing, and the entries of one path stand together.
#pragma once

#include <list>
#include <map>
#include <string>

#include "cache/entry.hpp"

namespace fasterapi::cache {

class Store {
 public:
  explicit Store(std::size_t budget_bytes) noexcept : budget_bytes_(budget_bytes) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // A place in the store; good until generation() changes.
  struct Node;
  // Null if there is none.
  [[nodiscard]] Node* find(base::ByteView key);
  [[nodiscard]] static const EntryPtr& entry_of(const Node& node) noexcept;
  // The entry has been used.
  void touch(Node& node) noexcept;
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  // Replaces what the key had. What is larger than the budget is not taken.
  void put(const std::string& key, EntryPtr entry);

  // Entries of the path, as it stands in their keys.
  void erase_path(base::ByteView path);
  void clear() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  using Map = std::map<std::string, Node, std::less<>>;
  using Order = std::list<Map::iterator>;  // the most recently used first

  [[nodiscard]] static std::size_t cost(const std::string& key, const Entry& entry) noexcept;
  Map::iterator erase(Map::iterator at) noexcept;

  const std::size_t budget_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t generation_ = 1;  // how often an entry has come or gone
  Map entries_;
  Order order_;
};

struct Store::Node {
  EntryPtr entry;
  Order::iterator place;
};

inline const EntryPtr& Store::entry_of(const Node& node) noexcept { return node.entry; }
inline void Store::touch(Node& node) noexcept { order_.splice(order_.begin(), order_, node.place); }

}  // namespace fasterapi::cache
