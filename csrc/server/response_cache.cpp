// server/response_cache.cpp: see response_cache.hpp.
#include "server/response_cache.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/percent.hpp"
#include "loop/entry.hpp"

namespace fasterapi::server {
namespace {

constexpr base::ByteView kAge = "age: ";  // RFC 9111 section 5.1

// RFC 9110 section 9.2.1: the others may have changed what is at the target.
bool is_safe(base::ByteView method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

base::Payload payload_of(const cache::Entry& entry) {
  const auto release = [](void* owner, void*) noexcept {
    delete static_cast<cache::EntryPtr*>(owner);
  };
  return {entry.body, release, new cache::EntryPtr(entry.shared_from_this())};
}

}  // namespace

ResponseCache::ResponseCache(loop::Loop& loop, CacheOptions options,
                             const http::StatusLines& status_lines, CacheFiller& filler)
    : loop_(loop),
      options_(options),
      status_lines_(status_lines),
      filler_(filler),
      timer_([this] { on_time(); }),
      store_(options.bytes) {
  [[maybe_unused]] const loop::UvError error = timer_.open(loop);
  assert(error.ok() && "uv_timer_init cannot fail");
}

ResponseCache::~ResponseCache() { close(); }

void ResponseCache::close() noexcept {
  timer_.close();
  for (const auto& fill : fills_) {
    for (Exchange* exchange : fill->waiting) exchange->observe(nullptr);
  }
  fills_.clear();
  due_.clear();
  unknown_peers_.clear();
  waiting_ = 0;
  rules_.clear();
  spellings_.clear();
  learned_.clear();
  store_.clear();
}

void ResponseCache::declare(const std::string& path, cache::Rule rule) {
  if (knows(path)) forget_rule(path);
  std::erase(learned_, path);
  add_rule(path, std::move(rule));
}

void ResponseCache::learn(const std::string& path, cache::Rule rule) {
  if (knows(path)) return;
  if (learned_.size() >= base::kCacheLearnedRules) {
    forget_rule(learned_.front());
    learned_.pop_front();
  }
  learned_.push_back(path);
  add_rule(path, std::move(rule));
}

void ResponseCache::add_rule(const std::string& path, cache::Rule rule) {
  spellings_.emplace(base::percent_decode(path), path);
  rules_.emplace(path, std::move(rule));
  path_sizes_ |= std::uint64_t{1} << path.size() % 64;
}

// What it has stored goes with it: nobody would notice that it changes.
void ResponseCache::forget_rule(const std::string& path) {
  drop_spelling(path);
  const auto [begin, end] = spellings_.equal_range(base::percent_decode(path));
  spellings_.erase(
      std::find_if(begin, end, [&](const auto& spelling) { return spelling.second == path; }));
  rules_.erase(path);
}

// --- requests

bool ResponseCache::start(Exchange& exchange) {
  if (has_invalidated_.load(std::memory_order_acquire)) apply_invalidations();
  if (exchange.head().known_id() != 0 && answer_known(exchange)) return true;
  const base::ByteView method = exchange.head().method();
  if (method != "GET" && method != "HEAD") return note_change(exchange), false;
  const base::ByteView path = exchange.head().raw_path();
  if (!may_know(path)) return false;
  const auto rule = rules_.find(path);
  if (rule == rules_.end()) return false;
  if (answer(exchange, rule->second)) return true;
  ++counts_.passed;
  return false;
}

// RFC 9111 section 4.4: what is stored holds until the change is answered.
void ResponseCache::note_change(Exchange& exchange) {
  if (is_safe(exchange.head().method())) return;
  const base::ByteView path = exchange.head().raw_path();
  const bool encoded = path.find('%') != base::ByteView::npos;
  const bool known =
      encoded ? spellings_.contains(base::percent_decode(path)) : spellings_.contains(path);
  if (known) exchange.observe_end(*this);
}

bool ResponseCache::answer_known(Exchange& exchange) {
  const std::uint64_t id = exchange.head().known_id();
  const KnownHit& known = known_hits_[id % known_hits_.size()];
  if (known.head_id != id || known.generation != store_.generation()) return false;
  const cache::Entry& entry = *cache::Store::entry_of(*known.node);
  const std::uint64_t now_ms = base::coarse_monotonic_ms();
  if (now_ms >= entry.fresh_until_ms) return false;
  store_.touch(*known.node);
  ++counts_.hits;
  send(exchange, entry, {}, now_ms);
  return true;
}

void ResponseCache::note_hit(Exchange& exchange, cache::Store::Node& node) {
  exchange.offer_head();
  if (const std::uint64_t id = exchange.head().known_id(); id != 0)
    known_hits_[id % known_hits_.size()] = {id, store_.generation(), &node};
}

bool ResponseCache::answer(Exchange& exchange, const cache::Rule& rule) {
  const http::RequestHead& head = exchange.head();
  const auto scheme = scheme_of(exchange);
  cache::Conditions conditions;
  if (!scheme || !cache::read_request(head, rule, *scheme, key_, conditions)) return false;
  const std::uint64_t now_ms = base::coarse_monotonic_ms();
  cache::Store::Node* node = store_.find(key_);
  if (!node) return wait(exchange, rule, now_ms);
  const cache::Entry& entry = *cache::Store::entry_of(*node);
  if (now_ms >= entry.stale_until_ms) return wait(exchange, rule, now_ms);
  if (entry.status == 0) return false;
  store_.touch(*node);
  const bool is_fresh = now_ms < entry.fresh_until_ms;
  ++(is_fresh ? counts_.hits : counts_.stale);
  if (!is_fresh) {
    (void)begin_fill(rule, now_ms);
  } else if (conditions.none() && !head.forwarded()) {  // the scheme may be the peer's to say
    note_hit(exchange, *node);
  }
  send(exchange, entry, conditions, now_ms);
  return true;
}

// What the scheme of the scope would be (uvicorn's ProxyHeadersMiddleware). Null: not known yet, or
// none of ours.
std::optional<base::ByteView> ResponseCache::scheme_of(Exchange& exchange) {
  constexpr base::ByteView kPlain = "http";
  const http::RequestHead& head = exchange.head();
  if (!options_.believes_forwarded || !head.forwarded()) return kPlain;
  base::ByteView said;
  for (std::size_t index = 0; index < head.field_count(); ++index) {
    if (head.field(index).name == "x-forwarded-proto") said = head.field(index).value;
  }
  if (!said.data()) return kPlain;
  const base::Address& peer = exchange.peer();
  const auto known = trusted_.find(peer.is_unix ? base::ByteView() : base::ByteView(peer.host));
  if (known == trusted_.end()) {
    if (unknown_peers_.size() < base::kCachePeers) unknown_peers_.push_back(peer);
    return std::nullopt;
  }
  if (!known->second || said == kPlain) return kPlain;
  if (said == "https") return said;
  return std::nullopt;
}

void ResponseCache::send(Exchange& exchange, const cache::Entry& entry,
                         const cache::Conditions& conditions, std::uint64_t now_ms) {
  const bool validated = cache::not_modified(entry, conditions);
  const int status = validated ? 304 : entry.status;
  const base::ByteView lines = validated ? entry.validated : entry.fields;
  std::array<char, kAge.size() + 22> age;
  char* end = std::copy(kAge.begin(), kAge.end(), age.data());
  end = std::to_chars(end, age.data() + age.size(), (now_ms - entry.stored_ms) / 1000).ptr;
  *end++ = '\r';
  *end++ = '\n';
  const base::ByteView age_line(age.data(), static_cast<std::size_t>(end - age.data()));
  exchange.record_access(status);
  if (entry.body.size() > base::kCopiedBodyBytes) {
    exchange.send_ready(status, lines, age_line, payload_of(entry));
  } else {
    exchange.send_ready(status, lines, age_line, base::ByteView(entry.body));
  }
}

// --- fills

// Of the key that was read last.
bool ResponseCache::wait(Exchange& exchange, const cache::Rule& rule, std::uint64_t now_ms) {
  Fill* fill = begin_fill(rule, now_ms);
  if (!fill || fill->overdue || fill->spoiled) return false;
  fill->waiting.push_back(&exchange);
  ++waiting_;
  exchange.observe(this);
  return true;
}

// Or the one that is under way; null if there are too many.
ResponseCache::Fill* ResponseCache::begin_fill(const cache::Rule& rule, std::uint64_t now_ms) {
  for (const auto& fill : fills_) {
    if (fill->key == key_) return fill.get();
  }
  if (fills_.size() >= base::kCacheFills) return nullptr;
  auto fill = std::make_unique<Fill>();
  fill->id = ++last_id_;
  fill->key = key_;
  fill->varies = rule.vary.size();
  fill->begun_ms = now_ms;
  due_.reserve(fills_.size() + 1);
  fills_.push_back(std::move(fill));
  due_.push_back(last_id_);
  if (!timer_.active()) timer_.start(base::kCacheWaitMs);
  loop_.want_turn();
  return fills_.back().get();
}

std::size_t ResponseCache::run_pending(std::size_t) {
  if (!has_pending()) return 0;
  for (const base::Address& peer : std::exchange(unknown_peers_, {})) {
    if (trusted_.size() >= base::kCachePeers) trusted_.clear();
    trusted_.insert_or_assign(peer.is_unix ? std::string() : peer.host, filler_.is_trusted(peer));
  }
  for (const std::uint64_t id : std::exchange(due_, {})) {
    const auto fill =
        std::find_if(fills_.begin(), fills_.end(), [&](const auto& one) { return one->id == id; });
    if (fill == fills_.end()) continue;
    const std::string key = (*fill)->key;  // the filler may be done with it at once
    const auto rule = rules_.find(cache::path_of_key(key));
    if (rule == rules_.end()) {
      fail(id);
      continue;
    }
    ++counts_.fills;
    cache::Rule as_begun = rule->second;
    as_begun.vary.resize((*fill)->varies);
    filler_.fill(id, cache::split_key(key, as_begun));
  }
  return 0;
}

std::unique_ptr<ResponseCache::Fill> ResponseCache::take_fill(std::uint64_t id) {
  const auto found =
      std::find_if(fills_.begin(), fills_.end(), [&](const auto& fill) { return fill->id == id; });
  if (found == fills_.end()) return nullptr;
  auto fill = std::move(*found);
  fills_.erase(found);
  if (fills_.empty()) timer_.stop();
  waiting_ -= fill->waiting.size();
  return fill;
}

std::optional<cache::Refusal> ResponseCache::complete(std::uint64_t id,
                                                      const cache::Response& response) {
  if (has_invalidated_.load(std::memory_order_acquire)) apply_invalidations();
  const auto fill = take_fill(id);
  if (!fill) return std::nullopt;
  const auto found = rules_.find(cache::path_of_key(fill->key));
  if (found == rules_.end() || fill->spoiled) return release(*fill, nullptr), std::nullopt;
  cache::Rule& rule = found->second;
  auto made = cache::make_entry(response, rule, fill->begun_ms, status_lines_);
  if (!made) {
    ++counts_.refused;
    refuse(*fill);
    return made.error();
  }
  for (std::string& name : made.value().varies) rule.vary.push_back(std::move(name));
  // The fill had none of the fields that belong to the key since.
  for (std::size_t index = fill->varies; index < rule.vary.size(); ++index)
    cache::append_missing_field(fill->key, rule.vary[index]);
  const cache::EntryPtr entry = std::move(made.value().entry);
  store_.put(fill->key, entry);
  release(*fill, entry.get());
  return std::nullopt;
}

void ResponseCache::fail(std::uint64_t id) {
  const auto fill = take_fill(id);
  if (!fill) return;
  ++counts_.refused;
  refuse(*fill);
}

void ResponseCache::refuse(Fill& fill) {
  if (!fill.spoiled)
    store_.put(fill.key, cache::refused_until(base::coarse_monotonic_ms() + base::kCacheRefusedMs));
  for (Exchange* exchange : std::exchange(fill.waiting, {})) pass_on(*exchange);
}

void ResponseCache::pass_on(Exchange& exchange) {
  ++counts_.passed;
  exchange.pass_on(*this);
}

// Null: nothing has been stored. What was made is for those who waited for it, also if it does not
// hold any longer; the key of some may be another by now.
void ResponseCache::release(Fill& fill, const cache::Entry* entry) {
  for (Exchange* exchange : std::exchange(fill.waiting, {})) {
    exchange->observe(nullptr);
    const auto rule = rules_.find(exchange->head().raw_path());
    const bool known = entry && rule != rules_.end();
    if (known && send_made(*exchange, fill, rule->second, *entry)) continue;
    if (!known || !answer(*exchange, rule->second)) pass_on(*exchange);
  }
}

bool ResponseCache::send_made(Exchange& exchange, const Fill& fill, const cache::Rule& rule,
                              const cache::Entry& entry) {
  const auto scheme = scheme_of(exchange);
  cache::Conditions conditions;
  if (!scheme || !cache::read_request(exchange.head(), rule, *scheme, key_, conditions) ||
      key_ != fill.key)
    return false;
  ++counts_.waited;
  send(exchange, entry, conditions, base::coarse_monotonic_ms());
  return true;
}

void ResponseCache::on_time() {
  const std::uint64_t now_ms = base::coarse_monotonic_ms();
  std::vector<Exchange*> late;
  bool more = false;
  for (const auto& fill : fills_) {
    // The timer and the coarse clock differ by a tick of the kernel.
    fill->overdue |= now_ms + 20 >= fill->begun_ms + base::kCacheWaitMs;
    more |= !fill->overdue;
    if (!fill->overdue) continue;
    late.insert(late.end(), fill->waiting.begin(), fill->waiting.end());
    fill->waiting.clear();
  }
  waiting_ -= late.size();
  if (more) timer_.start(base::kCacheWaitMs);
  for (Exchange* exchange : late) pass_on(*exchange);
}

void ResponseCache::on_lost(Exchange& exchange) {
  for (const auto& fill : fills_) waiting_ -= std::erase(fill->waiting, &exchange);
}

// --- invalidation

void ResponseCache::invalidate(std::optional<std::string> decoded_path) {
  const std::scoped_lock lock(invalidated_mutex_);
  invalidated_.push_back(std::move(decoded_path));
  has_invalidated_.store(true, std::memory_order_release);
}

void ResponseCache::apply_invalidations() {
  std::vector<std::optional<std::string>> invalidated;
  {
    const std::scoped_lock lock(invalidated_mutex_);
    invalidated.swap(invalidated_);
    has_invalidated_.store(false, std::memory_order_relaxed);
  }
  for (const auto& path : invalidated) path ? drop(*path) : drop_all();
}

void ResponseCache::drop(base::ByteView decoded_path) {
  const auto [begin, end] = spellings_.equal_range(decoded_path);
  for (auto spelling = begin; spelling != end; ++spelling) drop_spelling(spelling->second);
}

void ResponseCache::drop_spelling(base::ByteView path) {
  store_.erase_path(path);
  for (const auto& fill : fills_) fill->spoiled |= cache::path_of_key(fill->key) == path;
}

void ResponseCache::drop_all() noexcept {
  store_.clear();
  for (const auto& fill : fills_) fill->spoiled = true;
}

// Of a response that was cut off nobody knows.
void ResponseCache::on_end(Exchange& exchange, int status) noexcept {
  if (status >= 400) return;
  loop::uv_entry([&] { drop(base::percent_decode(exchange.head().raw_path())); },
                 [&] { drop_all(); });
}

CacheCounts ResponseCache::counts() const noexcept {
  CacheCounts counts = counts_;
  counts.entries = store_.size();
  counts.bytes = store_.bytes();
  return counts;
}

}  // namespace fasterapi::server
