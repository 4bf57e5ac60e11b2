// benchmarks/load/runner.hpp
// Drives the connections with epoll on one thread: closed loop (a connection that has all its
// answers sends again) or open loop (arrivals at fixed times, whoever is free takes them).
// Used by main: one run_phase() for the warm-up, one for the measurement.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "connection.hpp"
#include "histogram.hpp"
#include "options.hpp"

namespace load {

/// What one phase saw. A closed loop counts answers until its deadline; `drained` came after it.
struct Counts {
  std::uint64_t answered = 0;
  std::uint64_t drained = 0;
  std::uint64_t bytes = 0;  // received, with heads
  std::uint64_t not_2xx = 0;
  std::uint64_t malformed = 0;
  std::uint64_t lost = 0;        // requests in flight when their connection ended
  std::uint64_t unanswered = 0;  // still outstanding when the drain time was over
  std::uint64_t refused = 0;     // connection attempts
  std::uint64_t reconnects = 0;  // connections opened again, whatever ended them
  double seconds = 0;
  double cpu_seconds = 0;  // of this process
  Histogram latency;
};

class Runner {
 public:
  /// `options` must outlive the runner.
  explicit Runner(const Options& options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Opens all connections; false if one is refused.
  bool connect();

  /// Sends load for `seconds`, or exactly `requests` requests if that is not 0; then waits for
  /// the outstanding answers, so that a phase begins and ends with idle connections.
  Counts run_phase(double seconds, std::uint64_t requests);

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t kMostFailures = 1000;

  void begin(double seconds, std::uint64_t requests);
  void turn();
  void end();
  [[nodiscard]] bool finished() const;
  [[nodiscard]] bool arrivals_left() const;
  [[nodiscard]] std::uint64_t arrival_ns() const;
  [[nodiscard]] int wait_ms() const;
  void pump(std::size_t index);
  void assign_arrivals();
  void readable(std::size_t index);
  bool take_answer(Connection& connection);
  void after_write(std::size_t index, bool alive);
  void lose(std::size_t index, bool malformed = false);
  void reopen_lost();

  const Options& options_;
  std::string stream_;
  std::vector<Connection> connections_;
  std::vector<std::size_t> to_reopen_;
  std::vector<char> buffer_;
  int epoll_ = -1;
  std::size_t next_free_ = 0;  // where the open loop looks for a free connection

  Counts counts_;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t deadline_ns_ = 0;
  std::uint64_t now_ns_ = 0;
  std::uint64_t last_answer_ns_ = 0;
  std::uint64_t to_send_ = 0;  // requests this phase may still send
  std::uint64_t sent_ = 0;
  std::uint64_t outstanding_ = 0;  // on all connections
};

}  // namespace load
