// tests/cpp/support/payloads.hpp: what a payload queue holds, as one string.
#pragma once

#include <string>
#include <vector>

#include "base/payload_queue.hpp"

namespace fasterapi::support {

[[nodiscard]] inline std::string text_of(const base::PayloadQueue& queue) {
  std::vector<base::ByteView> views(queue.size());  // no segment is empty
  views.resize(queue.gather(views));
  std::string text;
  for (const base::ByteView view : views) text += view;
  return text;
}

}  // namespace fasterapi::support
