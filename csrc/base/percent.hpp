// base/percent.hpp: percent-decoding of request paths and percent-encoding for the access log (RFC
// 3986 section 2.1).
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.hpp"

namespace fasterapi::base {

// "%41" to "A"; what is no escape stays as it is (urllib.parse.unquote).
[[nodiscard]] std::string percent_decode(ByteView text);

// The same in place or elsewhere: writes at most text.size() bytes to `to`, which may be where
// `text` begins; returns how many.
std::size_t percent_decode(ByteView text, char* to) noexcept;

// Everything but letters, digits and "_.-~/" as %XX (urllib.parse.quote).
void percent_encode(ByteView text, std::string& to);

}  // namespace fasterapi::base
