// base/percent.hpp: percent-decoding of request paths and percent-encoding for the access log (RFC
// 3986 section 2.1).
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace fasterapi::base {

// "%41" to "A"; what is no escape stays as it is (urllib.parse.unquote).
[[nodiscard]] std::string percent_decode(ByteView text);

// Everything but letters, digits and "_.-~/" as %XX (urllib.parse.quote).
void percent_encode(ByteView text, std::string& to);

}  // namespace fasterapi::base
