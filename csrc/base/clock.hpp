// base/clock.hpp: monotonic milliseconds, and the Date of RFC 9110 section 5.6.7 made once per
// second.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>

#include "base/bytes.hpp"

namespace fasterapi::base {

[[nodiscard]] std::uint64_t monotonic_ms() noexcept;
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;
// The same clock as of the last tick of the kernel, up to 10 ms behind: a fifth of the cost.
[[nodiscard]] std::uint64_t coarse_monotonic_ms() noexcept;

class HttpDate {
 public:
  // "Sun, 06 Nov 1994 08:49:37 GMT" of now; the view is valid until the next call.
  [[nodiscard]] ByteView now() noexcept { return at(std::time(nullptr)); }
  [[nodiscard]] ByteView at(std::time_t seconds) noexcept;

 private:
  std::time_t seconds_ = -1;
  std::array<char, 30> text_{};
};

}  // namespace fasterapi::base
