// tests/fuzz/http_fuzz.cpp: http::Connection takes any bytes, and what it says of them does not
// depend on how they were split. Small limits, so that they are met.
#include <cstdint>
#include <cstdlib>

#include "../cpp/support/request_events.hpp"

namespace support = fasterapi::support;

namespace {

// Of a field that is one too many and malformed, the split decides which mistake is seen first:
// llhttp hands over a name's beginning only when the bytes end there.
support::Lines without_name_of_error(support::Lines events) {
  if (!events.empty() && events.back().starts_with("error ")) events.back() = "error";
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fasterapi::base::Limits limits;
  limits.head_bytes = 1000;
  limits.head_fields = 20;

  const auto whole = without_name_of_error(support::events_of(bytes, limits));
  const std::size_t split = size == 0 ? 0 : data[size - 1] * size / 256;
  const auto halves = without_name_of_error(
      support::events_of_pieces({bytes.substr(0, split), bytes.substr(split)}, limits));
  const auto single = without_name_of_error(support::events_byte_by_byte(bytes, limits));
  if (halves != whole || single != whole) std::abort();
  return 0;
}
