// server/server.cpp: see server.hpp.
#include "server/server.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "loop/entry.hpp"
#include "server/probes.hpp"
#include "server/response_cache.hpp"

namespace fasterapi::server {

Server::Server(loop::Loop& loop, Options options, EventLog& event_log, const Server* reported)
    : loop_(loop),
      options_(std::move(options)),
      event_log_(event_log),
      warnings_(event_log, base::kPeerWarnings, base::kPeerWarningsPerSecond),
      capacity_warnings_(event_log, 1, 1),
      deadlines_(options_.limits, [](Connection& connection, Wait wait) {
        loop::uv_entry([&] { connection.on_deadline(wait); }, [&] { connection.close(); });
      }) {
  [[maybe_unused]] const loop::UvError error = deadlines_.open(loop_);
  assert(error.ok() && "uv_timer_init cannot fail");
  if (reported || Probes::any(options_.probe_paths)) {
    probes_ = std::make_unique<const Probes>(
        options_.probe_paths, reported ? Probes::Other::IsNotFound : Probes::Other::IsNotOurs,
        reported ? *reported : *this);
    loop_.answer_while_polling();
  }
  if (options_.counts) {
    metrics_ = std::make_unique<Metrics>(options_.worker);
    loop_.time_polls();
  }
  loop_.add_observer(*this);
}

Server::~Server() { close(); }

void Server::close() {
  if (!std::exchange(open_, false)) return;
  stop_listening();
  abort();
  flush();
  deadlines_.close();
  loop_.remove_observer(*this);
  loop_.want_turn();  // handles are freed by a poll
}

void Server::add_cache(ResponseCache& cache) {
  cache_ = &cache;
  loop_.answer_while_polling();
  add_application(cache);
}

loop::UvError Server::listen(int fd, int backlog) {
  auto listener = std::make_unique<loop::Listener>(
      [this](loop::AcceptedSocket socket) { accept(std::move(socket)); },
      [this](loop::UvError error) { loop::uv_entry([&] { on_shortage(error); }, [] {}); });
  const loop::UvError error = listener->listen(loop_, fd, backlog);
  if (error.ok() && paused_) listener->pause();
  if (error.ok()) listeners_.push_back(std::move(listener));
  has_listened_ |= error.ok();
  loop_.want_turn();
  return error;
}

void Server::stop_listening() noexcept {
  listeners_.clear();
  loop_.want_turn();
}

void Server::accept(loop::AcceptedSocket socket) {
  make_room();
  auto connection = std::make_unique<Connection>(*this);
  if (!connection->open(std::move(socket)).ok() || !admit_address(*connection)) return;
  if (metrics_) metrics_->connection_begins();
  connection->position = connections_.size();
  connections_.push_back(std::move(connection));
  if (options_.trace) trace(*connections_.back(), "HTTP connection made");
  connections_changed();
}

void Server::on_shortage(loop::UvError error) {
  if (!capacity_warnings_.may_warn()) return;
  std::string text = "No connection can be accepted: ";
  text.append(error.text());
  if (error.code() == UV_EMFILE || error.code() == UV_ENFILE)
    text.append(". Raise the limit of open files (ulimit -n) or lower --limit-connections.");
  capacity_warnings_.warn(std::move(text));
}

bool Server::admit_address(Connection& connection) {
  const std::size_t limit = options_.limits.connections_per_address;
  if (limit == base::kUnlimited || connection.peer().is_unix) return true;
  const std::string& host = connection.peer().host;
  std::size_t& count = addresses_[host];
  if (count < limit) return ++count > 0;
  if (warnings_.may_warn()) {
    warnings_.warn("Connection refused: " + host + " has " + std::to_string(limit) +
                   " already (--limit-connections-per-address).");
  }
  return false;
}

void Server::release_address(Connection& connection) {
  if (addresses_.empty()) return;
  const auto found = addresses_.find(connection.peer().host);
  if (found != addresses_.end() && --found->second == 0) addresses_.erase(found);
}

// Idle connections make room above four fifths; when all are taken, new ones wait in the kernel's
// backlog and find a server that answers those it has.
void Server::connections_changed() {
  const std::size_t count = connections_.size();
  const std::size_t limit = options_.limits.connections;
  connection_count_.store(count, std::memory_order_relaxed);
  deadlines_.set_crowded(count > limit / 5 * 4);
  const bool full = count >= limit;
  if (std::exchange(paused_, full) == full) return;
  for (const auto& listener : listeners_) full ? listener->pause() : listener->resume();
  if (full && capacity_warnings_.may_warn()) {
    capacity_warnings_.warn("Limit of " + std::to_string(limit) +
                            " connections reached (--limit-connections): new ones wait.");
  }
}

// For one connection more in every list: whatever becomes of a connection then needs no memory.
void Server::make_room() {
  const std::size_t alive = connections_.size() + buried_.size();
  const auto grow = [&](auto& list) {
    if (list.capacity() <= alive) list.reserve(2 * alive + 1);
  };
  grow(connections_);
  grow(buried_);
  grow(dirty_);
  grow(advancing_);
  grow(advancing_next_);
  grow(sending_files_);
}

void Server::shut_down() {
  shutting_down_ = true;
  for (std::size_t index = connections_.size(); index-- > 0;) connections_[index]->shut_down();
}

void Server::abort() {
  while (!connections_.empty()) connections_.back()->close();
}

bool Server::at_concurrency_limit() const noexcept {
  // uvicorn counts the connection that asks; a running task is the one of an earlier request.
  return connections_.size() >= options_.concurrency ||
         dispatcher_.running() >= options_.concurrency;
}

base::ByteView Server::default_fields() {
  if (!default_fields_fresh_) {
    default_fields_.clear();
    if (options_.date_field) default_fields_.append("date: ").append(date_.now()).append("\r\n");
    default_fields_.append(options_.default_fields);
    default_fields_fresh_ = true;
  }
  return default_fields_;
}

void Server::trace(const Connection& connection, base::ByteView text) noexcept {
  loop::uv_entry(
      [&] {
        std::string line = base::name_of(connection.peer());
        if (!line.empty()) line.append(" - ");
        event_log_.trace(line.append(text));
      },
      [] {});  // a line is missing where memory is
}

void Server::note_dirty(Connection& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(&connection);
  loop_.want_turn();
}

void Server::note_advance(Connection& connection) {
  advancing_.push_back(&connection);
  loop_.want_turn();
}

void Server::note_advance_next_turn(Connection& connection) {
  advancing_next_.push_back(&connection);
}

void Server::note_file(Connection& connection) {
  if (std::exchange(connection.file_due, true)) return;
  sending_files_.push_back(&connection);
  loop_.want_turn();
}

void Server::count_response() {
  if (++responses_ == options_.max_responses) event_log_.max_responses_reached();
}

void Server::bury(Connection& connection) {
  if (connection.dirty) std::erase(dirty_, &connection);
  std::erase(advancing_, &connection);
  std::erase(advancing_next_, &connection);
  std::erase(sending_files_, &connection);
  release_address(connection);
  if (metrics_) metrics_->connection_ends(connection.received_bytes(), connection.sent_bytes());
  if (options_.trace) trace(connection, "HTTP connection lost");
  const std::size_t position = connection.position;
  buried_.push_back(std::move(connections_[position]));
  if (position + 1 < connections_.size()) {
    connections_[position] = std::move(connections_.back());
    connections_[position]->position = position;
  }
  connections_.pop_back();
  connections_changed();
  loop_.want_turn();
}

std::string Server::metrics_text() const {
  Metrics::Now now{connections_.size(), 0, 0, 0, nullptr};
  for (const auto& connection : connections_) {
    now.requests_in_flight += connection->counts_request();
    now.received_bytes += connection->received_bytes();
    now.sent_bytes += connection->sent_bytes();
  }
  const CacheCounts cached = cache_ ? cache_->counts() : CacheCounts();
  if (cache_) now.cache = &cached;
  std::string text;
  metrics_->write(text, now);
  return text;
}

// A turn ends where the next poll begins, or where a guest's sends what it has produced.
void Server::note_turn_end() noexcept {
  const std::uint64_t polled_ns = loop_.poll_ended_ns();
  if (std::exchange(poll_ended_ns_, polled_ns) != polled_ns)
    metrics_->turn_ends(base::monotonic_ns() - polled_ns);
}

void Server::flush() {
  if (metrics_) note_turn_end();
  // A connection that breaks while it is flushed buries itself and leaves the list.
  while (!dirty_.empty()) {
    Connection* connection = dirty_.back();
    dirty_.pop_back();
    connection->dirty = false;
    connection->flush();
  }
  buried_.clear();
  default_fields_fresh_ = false;
}

bool Server::run_turn() {
  advancing_.insert(advancing_.end(), advancing_next_.begin(), advancing_next_.end());
  advancing_next_.clear();
  std::size_t left = base::kRequestsPerTurn;
  while (true) {
    while (!advancing_.empty()) {  // one that closes buries itself and leaves the list
      Connection* connection = advancing_.back();
      advancing_.pop_back();
      loop::uv_entry([&] { connection->advance(); }, [&] { connection->close(); });
    }
    const bool one_by_one = loop_.answers_while_polling();
    const std::size_t started =
        dispatcher_.run_pending(one_by_one ? std::min<std::size_t>(1, left) : left);
    left -= std::min(left, started);
    if (one_by_one) loop_.poll_within_turn();
    const bool goes_on = one_by_one && started > 0 && dispatcher_.has_pending();
    if (left == 0 || (advancing_.empty() && !goes_on)) break;
  }
  const bool sends_files = !sending_files_.empty();
  for (Connection* connection : sending_files_) note_dirty(*connection);
  sending_files_.clear();
  return sends_files || !advancing_.empty() || !advancing_next_.empty() ||
         dispatcher_.has_pending();
}

}  // namespace fasterapi::server
