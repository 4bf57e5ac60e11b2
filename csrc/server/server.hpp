// server/server.hpp: listeners, connections and the turn that drives them: run the applications, go
// on to the next requests, flush once. No Python. Its loop outlives it; one thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "loop/listener.hpp"
#include "loop/loop.hpp"
#include "server/access_log.hpp"
#include "server/connection.hpp"
#include "server/deadlines.hpp"
#include "server/dispatcher.hpp"
#include "server/metrics.hpp"
#include "server/options.hpp"
#include "server/peer_warnings.hpp"

namespace fasterapi::server {

class Probes;
class ResponseCache;

// Whether requests are to be sent here.
enum class Readiness : std::uint8_t {
  Starting,  // it has never listened
  Ready,
  Draining,  // the graceful stop has begun
};

class Server final : loop::TurnObserver, base::Counted<Server> {
 public:
  // The loop and the logs outlive the server.
  Server(loop::Loop& loop, Options options, EventLog& event_log)
      : Server(loop, std::move(options), event_log, nullptr) {}
  // One that only answers probes, about the server `reported`, which outlives it.
  Server(loop::Loop& loop, Options options, EventLog& event_log, const Server* reported);
  ~Server();

  // The application that is asked next after those already here.
  void add_application(Application& application) { dispatcher_.add(application); }
  // The same of the cache, which the metrics tell of. It outlives the server's use.
  void add_cache(ResponseCache& cache);
  // Null: nothing is recorded.
  void set_access_log(AccessLog* log) noexcept { access_log_ = log; }

  loop::UvError listen(int fd, int backlog);
  void stop_listening() noexcept;
  // Idle connections close now, the others after their response.
  void shut_down();
  // Every connection closes now.
  void abort();
  // Gives up listeners, connections and the place in the loop's turn.
  void close();

  [[nodiscard]] std::size_t connection_count() const noexcept {
    return connection_count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t response_count() const noexcept {
    return responses_.load(std::memory_order_relaxed);
  }

  [[nodiscard]] Readiness readiness() const noexcept {
    if (shutting_down_) return Readiness::Draining;
    return has_listened_ ? Readiness::Ready : Readiness::Starting;
  }

  // REQUIRES: Options::counts.
  [[nodiscard, gnu::cold]] std::string metrics_text() const;

  // For connections.
  [[nodiscard]] loop::Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] Dispatcher& dispatcher() noexcept { return dispatcher_; }
  [[nodiscard]] http::KnownHeads& known_heads() noexcept { return known_heads_; }
  [[nodiscard]] Deadlines& deadlines() noexcept { return deadlines_; }
  [[nodiscard]] AccessLog* access_log() noexcept { return access_log_; }
  [[nodiscard]] PeerWarnings& warnings() noexcept { return warnings_; }
  // Null: nothing is counted.
  [[nodiscard]] Metrics* metrics() noexcept { return metrics_.get(); }
  // Null: every request is an application's.
  [[nodiscard]] const Probes* probes() const noexcept { return probes_.get(); }
  [[nodiscard]] bool shutting_down() const noexcept { return shutting_down_; }
  [[nodiscard]] bool at_concurrency_limit() const noexcept;
  // The fields that begin every response, with the date of this turn.
  [[nodiscard]] base::ByteView default_fields();
  void note_dirty(Connection& connection);
  void note_advance(Connection& connection);
  // For one that has had its share of this turn.
  void note_advance_next_turn(Connection& connection);
  // For one that has more of a file to send: in the next turn, which comes at once.
  void note_file(Connection& connection);
  void count_response();
  void bury(Connection& connection);

 private:
  void flush() override;
  bool run_turn() override;
  void loop_closing() override { close(); }
  void accept(loop::AcceptedSocket socket);
  void make_room();
  void on_shortage(loop::UvError error);
  [[nodiscard]] bool admit_address(Connection& connection);
  void release_address(Connection& connection);
  void connections_changed();
  void note_turn_end() noexcept;
  void trace(const Connection& connection, base::ByteView text) noexcept;

  loop::Loop& loop_;
  const Options options_;
  EventLog& event_log_;
  PeerWarnings warnings_;
  PeerWarnings capacity_warnings_;
  AccessLog* access_log_ = nullptr;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<const Probes> probes_;
  Dispatcher dispatcher_;
  const ResponseCache* cache_ = nullptr;
  http::KnownHeads known_heads_;
  Deadlines deadlines_;
  std::vector<std::unique_ptr<loop::Listener>> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> buried_;  // closed in this turn, freed at its end
  std::vector<Connection*> dirty_;
  std::vector<Connection*> advancing_;       // wait for advance()
  std::vector<Connection*> advancing_next_;  // in the next turn
  std::vector<Connection*> sending_files_;
  // Connections of each address while their number is limited. Ordered, not hashed: a peer that
  // chooses its addresses gains nothing.
  std::map<std::string, std::size_t, std::less<>> addresses_;
  base::HttpDate date_;
  std::string default_fields_;
  // Read by any thread; written by the loop's.
  std::atomic<std::uint64_t> responses_ = 0;
  std::atomic<std::size_t> connection_count_ = 0;
  std::uint64_t poll_ended_ns_ = 0;  // of the last turn that was counted
  bool default_fields_fresh_ = false;
  bool paused_ = false;  // as many connections as there may be
  bool has_listened_ = false;
  bool shutting_down_ = false;
  bool open_ = true;
};

}  // namespace fasterapi::server
