// tests/cpp/support/request_events.hpp: what http::Connection makes of a peer's bytes, as lines of
// text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"

namespace fasterapi::support {

using Lines = std::vector<std::string>;

// Feeds the pieces one after the other, answers every request at its end and goes on to the next,
// until the connection would close. The lines are those of an ```events block, see
// tests/corpus/README.md.
[[nodiscard]] Lines events_of_pieces(const std::vector<std::string_view>& pieces,
                                     const base::Limits& limits = {});

[[nodiscard]] Lines events_of(std::string_view bytes, const base::Limits& limits = {});
[[nodiscard]] Lines events_byte_by_byte(std::string_view bytes, const base::Limits& limits = {});

// The first split into two pieces that yields other events, or npos. Of long input every so many
// bytes are tried.
[[nodiscard]] std::size_t first_harmful_split(std::string_view bytes, const Lines& expected,
                                              const base::Limits& limits = {});

// A request that must be found behind every message that lets the connection go on, and behind no
// other.
inline constexpr std::string_view kTrailingRequest = "GET /trailing HTTP/1.1\r\nHost: t\r\n\r\n";
// What `bytes` + kTrailingRequest must yield, if `bytes` yield `events`. REQUIRES: ended(events).
[[nodiscard]] Lines with_trailing_request(Lines events);
// Whether nothing is missing: the last message is complete or in error.
[[nodiscard]] bool ended(const Lines& events);

}  // namespace fasterapi::support
