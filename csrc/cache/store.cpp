// cache/store.cpp: see store.hpp.
#include "cache/store.hpp"

#include <utility>

namespace fasterapi::cache {

// With what the map and the list need for it, roughly.
std::size_t Store::cost(const std::string& key, const Entry& entry) noexcept {
  constexpr std::size_t kNodes = 128;
  return key.size() + entry.bytes() + kNodes;
}

Store::Node* Store::find(base::ByteView key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

void Store::put(const std::string& key, EntryPtr entry) {
  if (const auto found = entries_.find(key); found != entries_.end()) erase(found);
  const std::size_t added = cost(key, *entry);
  if (added > budget_bytes_) return;
  while (bytes_ + added > budget_bytes_) erase(order_.back());
  const auto place = entries_.emplace(key, Node{std::move(entry), {}}).first;
  try {
    order_.push_front(place);
  } catch (...) {
    entries_.erase(place);
    throw;
  }
  place->second.place = order_.begin();
  bytes_ += added;
  ++generation_;
}

Store::Map::iterator Store::erase(Map::iterator at) noexcept {
  bytes_ -= cost(at->first, *at->second.entry);
  ++generation_;
  order_.erase(at->second.place);
  return entries_.erase(at);
}

void Store::erase_path(base::ByteView path) {
  auto at = entries_.lower_bound(std::string(path).append(1, '\0'));
  while (at != entries_.end() && path_of_key(at->first) == path) at = erase(at);
}

void Store::clear() noexcept {
  entries_.clear();
  order_.clear();
  bytes_ = 0;
  ++generation_;
}

}  // namespace fasterapi::cache
