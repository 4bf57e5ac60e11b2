// tests/cpp/support/payloads.hpp: what a payload queue holds, as one string.
#pragma once

#include <array>
#include <string>

#include "base/payload_queue.hpp"

namespace fasterapi::support {

[[nodiscard]] inline std::string text_of(const base::PayloadQueue& queue) {
  std::array<base::ByteView, 256> views;
  const std::size_t count = queue.gather(views);
  std::string text;
  for (std::size_t index = 0; index < count; ++index) text += views[index];
  return text;
}

}  // namespace fasterapi::support
