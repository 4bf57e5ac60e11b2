// server/peer_warnings.hpp: what peers do wrong, in the log: so many lines at once and then so many
// per second, so that no peer can fill it. What was left out is counted and said with the next
// line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "server/access_log.hpp"

namespace fasterapi::server {

class PeerWarnings {
 public:
  // The log outlives it.
  PeerWarnings(EventLog& log, std::size_t at_once, std::size_t per_second) noexcept
      : log_(log), most_ms_(at_once * 1000 / per_second), cost_ms_(1000 / per_second) {}

  // Whether a line may be written now; else it is counted.
  [[nodiscard]] bool may_warn() noexcept {
    const std::uint64_t now = base::monotonic_ms();
    saved_ms_ = std::min(most_ms_, saved_ms_ + (now - looked_ms_));
    looked_ms_ = now;
    if (saved_ms_ >= cost_ms_) return true;
    ++left_out_;
    return false;
  }

  // REQUIRES: may_warn().
  void warn(std::string text) {
    saved_ms_ -= cost_ms_;
    if (const std::size_t count = std::exchange(left_out_, 0))
      text.append(" (").append(std::to_string(count)).append(" more warnings were left out)");
    log_.warning(text);
  }

 private:
  EventLog& log_;
  const std::uint64_t most_ms_;  // of quiet time that counts
  const std::uint64_t cost_ms_;  // of a line
  std::uint64_t saved_ms_ = most_ms_;
  std::uint64_t looked_ms_ = base::monotonic_ms();
  std::size_t left_out_ = 0;
};

}  // namespace fasterapi::server
