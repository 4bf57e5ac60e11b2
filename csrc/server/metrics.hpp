// server/metrics.hpp: what a server counts while somebody asks for it, and how it says so
// (Prometheus text format 0.0.4). Plain numbers: no clock, no socket, no Python.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace fasterapi::server {

// How many of some times were how long.
class Histogram {
 public:
  // Of each bucket but the last, which has none.
  static constexpr std::array<std::uint64_t, 16> kBoundsNs{
      100'000,       250'000,       500'000,       1'000'000,     2'500'000,   5'000'000,
      10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000, 500'000'000,
      1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

  void observe(std::uint64_t ns) noexcept;
  // Appends its samples. `labels` stand in front of the bucket's own.
  [[gnu::cold]] void write(std::string& out, base::ByteView name, base::ByteView labels) const;

 private:
  std::array<std::uint64_t, kBoundsNs.size() + 1> counts_{};
  std::uint64_t sum_ns_ = 0;
};

// What the cache of responses counts, and what it holds.
struct CacheCounts {
  std::uint64_t hits = 0;    // answered from an entry that holds
  std::uint64_t stale = 0;   // from one that is being made anew
  std::uint64_t waited = 0;  // for a fill, its own or that of another request
  std::uint64_t passed = 0;  // requests at a path of the cache that went to the application
  std::uint64_t fills = 0;
  std::uint64_t refused = 0;  // of the fills: nothing was stored
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

class Metrics {
 public:
  // What is not counted but looked at when somebody asks.
  struct Now {
    std::size_t connections = 0;
    std::size_t requests_in_flight = 0;
    // Of the connections that are open.
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
    const CacheCounts* cache = nullptr;  // null: there is none
  };

  // The worker's name is a label of every sample.
  explicit Metrics(const std::string& worker) : worker_("worker=\"" + worker + "\"") {}

  void connection_begins() noexcept { ++connections_; }
  void connection_ends(std::uint64_t received_bytes, std::uint64_t sent_bytes) noexcept {
    received_bytes_ += received_bytes;
    sent_bytes_ += sent_bytes;
  }
  // A response without a request that has a beginning: the refusal of a head.
  void response(int status) noexcept;
  void request_answered(int status, std::uint64_t duration_ns) noexcept {
    response(status);
    durations_.observe(duration_ns);
  }
  void request_aborted() noexcept { ++aborted_; }
  void request_started(std::uint64_t delay_ns) noexcept { delays_.observe(delay_ns); }
  void turn_ends(std::uint64_t lag_ns) noexcept { lags_.observe(lag_ns); }

  // Appends all of it.
  [[gnu::cold]] void write(std::string& out, const Now& now) const;

 private:
  static constexpr int kFirstStatus = 100;

  [[gnu::cold]] void write_responses(std::string& out) const;
  [[gnu::cold]] void write_cache(std::string& out, const CacheCounts& counts) const;

  const std::string worker_;
  std::array<std::uint64_t, 500> responses_{};  // by status
  std::uint64_t aborted_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t received_bytes_ = 0;  // of connections that have ended
  std::uint64_t sent_bytes_ = 0;
  Histogram durations_;
  Histogram delays_;
  Histogram lags_;
};

}  // namespace fasterapi::server
