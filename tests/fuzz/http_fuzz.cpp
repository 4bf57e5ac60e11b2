// tests/fuzz/http_fuzz.cpp: http::Connection takes any bytes, and what it says of them does not
// depend on how they were split. Small limits, so that they are met.
#include <cstdint>
#include <cstdlib>

#include "../cpp/support/request_events.hpp"

namespace support = fasterapi::support;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fasterapi::base::Limits limits;
  limits.head_bytes = 1000;
  limits.head_fields = 20;
  limits.field_bytes = 100;
  limits.target_bytes = 60;
  limits.chunk_extension_bytes = 40;
  limits.body_bytes = 300;

  const auto whole = support::events_of(bytes, limits);
  const std::size_t split = size == 0 ? 0 : data[size - 1] * size / 256;
  const auto halves =
      support::events_of_pieces({bytes.substr(0, split), bytes.substr(split)}, limits);
  const auto single = support::events_byte_by_byte(bytes, limits);
  if (halves != whole || single != whole) std::abort();
  return 0;
}
