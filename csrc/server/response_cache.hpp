// server/response_cache.hpp: answers requests from the cache while the loop polls, the first of the
// applications. A response is made by a fill: a request of the server's own that has nothing but
// the key. Requests for it wait meanwhile; where nothing can be stored they go on to the
// application. No Python. Loop's thread only, unless said otherwise.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.hpp"
#include "cache/request.hpp"
#include "cache/response.hpp"
#include "cache/store.hpp"
#include "http/known_heads.hpp"
#include "loop/loop.hpp"
#include "loop/timer.hpp"
#include "server/exchange.hpp"
#include "server/metrics.hpp"

namespace fasterapi::server {

// Who runs the application for the cache. Called at the end of a turn.
class CacheFiller {
 public:
  // ResponseCache::complete() or fail() is to be called with `id`, at once or later.
  virtual void fill(std::uint64_t id, const cache::KeyParts& parts) = 0;
  // Whether forwarding fields of this peer are believed.
  virtual bool is_trusted(const base::Address& peer) = 0;

 protected:
  ~CacheFiller() = default;
};

struct CacheOptions {
  std::size_t bytes = base::kCacheBytes;
  bool believes_forwarded = false;  // there are peers whose forwarding fields are believed
};

class ResponseCache final : public Application,
                            ExchangeObserver,
                            EndObserver,
                            base::Counted<ResponseCache> {
 public:
  // All of them outlive the cache, which closes before the loop does.
  ResponseCache(loop::Loop& loop, CacheOptions options, const http::StatusLines& status_lines,
                CacheFiller& filler);
  ~ResponseCache();
  void close() noexcept;

  // What is declared of a path, as it stands in requests. Replaces what was.
  void declare(const std::string& path, cache::Rule rule);
  // The same of what a response has said; there is room for so many paths.
  void learn(const std::string& path, cache::Rule rule);
  [[nodiscard]] bool knows(base::ByteView path) const { return rules_.find(path) != rules_.end(); }

  // What a fill has brought. The refusal, if it cannot be stored.
  std::optional<cache::Refusal> complete(std::uint64_t id, const cache::Response& response);
  void fail(std::uint64_t id);

  // What is stored of the path, or of all, is used no more, nor is what is being made. Any thread.
  void invalidate(std::optional<std::string> decoded_path);

  [[nodiscard]] CacheCounts counts() const noexcept;

  bool start(Exchange& exchange) override;
  std::size_t run_pending(std::size_t most) override;
  [[nodiscard]] bool has_pending() const noexcept override {
    return !due_.empty() || !unknown_peers_.empty();
  }
  [[nodiscard]] std::size_t running() const noexcept override { return waiting_; }

 private:
  struct Fill {
    std::uint64_t id = 0;
    std::string key;
    std::size_t varies = 0;  // fields of the rule when the key was made
    std::uint64_t begun_ms = 0;
    std::vector<Exchange*> waiting;
    bool spoiled = false;  // what it makes was invalidated meanwhile
    bool overdue = false;  // it is waited for no longer
  };
  // What a known head was answered with: nothing has to be looked up again.
  struct KnownHit {
    std::uint64_t head_id = 0;
    std::uint64_t generation = 0;  // of the store
    cache::Store::Node* node = nullptr;
  };
  using Rules = std::map<std::string, cache::Rule, std::less<>>;

  void on_request_progress() override {}
  void on_drained() override {}
  void on_lost(Exchange& exchange) override;
  void on_end(Exchange& exchange, int status) noexcept override;

  // Most paths have the size of none that is declared.
  [[nodiscard]] bool may_know(base::ByteView path) const noexcept {
    return (path_sizes_ >> path.size() % 64 & 1) != 0;
  }
  void add_rule(const std::string& path, cache::Rule rule);
  void forget_rule(const std::string& path);
  void note_change(Exchange& exchange);
  [[nodiscard]] bool answer(Exchange& exchange, const cache::Rule& rule);
  [[nodiscard]] bool answer_known(Exchange& exchange);
  void note_hit(Exchange& exchange, cache::Store::Node& node);
  [[nodiscard]] std::optional<base::ByteView> scheme_of(Exchange& exchange);
  void send(Exchange& exchange, const cache::Entry& entry, const cache::Conditions& conditions,
            std::uint64_t now_ms);
  [[nodiscard]] bool wait(Exchange& exchange, const cache::Rule& rule, std::uint64_t now_ms);
  Fill* begin_fill(const cache::Rule& rule, std::uint64_t now_ms);
  [[nodiscard]] std::unique_ptr<Fill> take_fill(std::uint64_t id);
  void release(Fill& fill, const cache::Entry* entry);
  [[nodiscard]] bool send_made(Exchange& exchange, const Fill& fill, const cache::Rule& rule,
                               const cache::Entry& entry);
  void refuse(Fill& fill);
  void on_time();
  void pass_on(Exchange& exchange);
  void apply_invalidations();
  void drop(base::ByteView decoded_path);
  void drop_spelling(base::ByteView path);
  void drop_all() noexcept;

  loop::Loop& loop_;
  const CacheOptions options_;
  const http::StatusLines& status_lines_;
  CacheFiller& filler_;
  loop::Timer timer_;
  Rules rules_;
  std::uint64_t path_sizes_ = 0;  // modulo 64, of rules_
  // The paths of rules_ by what they decode to: as a request to change them may be spelled.
  std::multimap<std::string, std::string, std::less<>> spellings_;
  std::deque<std::string> learned_;  // the paths of rules_ that responses have declared
  cache::Store store_;
  std::array<KnownHit, http::KnownHeads::kSlots> known_hits_;
  std::vector<std::unique_ptr<Fill>> fills_;
  std::vector<std::uint64_t> due_;                    // fills that have not begun
  std::map<std::string, bool, std::less<>> trusted_;  // by host
  std::vector<base::Address> unknown_peers_;
  std::string key_;  // of the request that is looked at
  std::uint64_t last_id_ = 0;
  std::size_t waiting_ = 0;
  CacheCounts counts_;
  std::mutex invalidated_mutex_;
  std::vector<std::optional<std::string>> invalidated_;  // by any thread
  std::atomic<bool> has_invalidated_ = false;
};

}  // namespace fasterapi::server
