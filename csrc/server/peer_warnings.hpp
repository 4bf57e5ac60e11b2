// server/peer_warnings.hpp: what peers do wrong, in the log: so many lines per second at most, so
// that no peer can fill it. What was left out is counted and said with the next line.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "server/access_log.hpp"

namespace fasterapi::server {

class PeerWarnings {
 public:
  // The log outlives it.
  PeerWarnings(EventLog& log, std::size_t lines_per_second) noexcept
      : log_(log), lines_per_second_(lines_per_second) {}

  // Whether a line may be written now; else it is counted.
  [[nodiscard]] bool may_warn() noexcept {
    const std::uint64_t now = base::monotonic_ms();
    if (now - second_began_ms_ >= 1000) {
      second_began_ms_ = now;
      lines_ = 0;
    }
    if (lines_ < lines_per_second_) return true;
    ++left_out_;
    return false;
  }

  // REQUIRES: may_warn().
  void warn(std::string text) {
    ++lines_;
    if (const std::size_t count = std::exchange(left_out_, 0))
      text.append(" (").append(std::to_string(count)).append(" more warnings were left out)");
    log_.warning(text);
  }

 private:
  EventLog& log_;
  const std::size_t lines_per_second_;
  std::uint64_t second_began_ms_ = 0;
  std::size_t lines_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace fasterapi::server
