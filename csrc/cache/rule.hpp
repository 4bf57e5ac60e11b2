// cache/rule.hpp: what an application declares of the responses at a path: that they depend on
// nothing but the key, what belongs to the key, and for how long they hold.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace fasterapi::cache {

// Of monotonic time: behind every other.
inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

struct Rule {
  std::vector<std::string> vary;  // request fields of the key, lower-case
  std::vector<std::string>
      query;  // parameters that a query may have, each once; all are in the key
  std::vector<int> statuses{200};  // that are stored
  std::uint64_t fresh_ms = kNever;
  std::uint64_t stale_ms = 0;   // so much longer it is sent while it is made anew
  bool needs_lifetime = false;  // only what says itself for how long it holds
};

// a + b, not beyond kNever.
[[nodiscard]] constexpr std::uint64_t later(std::uint64_t ms, std::uint64_t by_ms) noexcept {
  return by_ms > kNever - ms ? kNever : ms + by_ms;
}

}  // namespace fasterapi::cache
