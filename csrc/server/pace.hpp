// server/pace.hpp: how fast the bytes come that are waited for: a body from a peer, or a response
// that a peer takes. Looked at once in a while, so that bytes themselves cost nothing.
#pragma once

#include <cstdint>

#include "base/limits.hpp"

namespace fasterapi::server {

class Pace {
 public:
  // From now on bytes are waited for; `bytes` is their count so far.
  void begin(std::uint64_t bytes) noexcept {
    began_at_ = seen_ = bytes;
    waited_ms_ = silent_ms_ = 0;
  }

  // `bytes` have come by now, after `elapsed_ms` more of waiting. True: that is too slow.
  [[nodiscard]] bool too_slow(std::uint64_t bytes, std::uint64_t elapsed_ms, std::size_t idle_ms,
                              const base::Limits& limits) noexcept {
    silent_ms_ = bytes == seen_ ? silent_ms_ + elapsed_ms : 0;
    seen_ = bytes;
    waited_ms_ += elapsed_ms;
    if (silent_ms_ >= idle_ms) return true;
    return waited_ms_ >= limits.rate_grace_ms &&
           (bytes - began_at_) * 1000 < limits.bytes_per_second * waited_ms_;
  }

 private:
  std::uint64_t began_at_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t waited_ms_ = 0;
  std::uint64_t silent_ms_ = 0;
};

}  // namespace fasterapi::server
