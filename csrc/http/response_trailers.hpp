// http/response_trailers.hpp: which fields a response may carry behind its body (RFC 9110 section
// 6.5.1).
#pragma once

#include "base/bytes.hpp"

namespace fasterapi::http {

// Whether the field may be a trailer: not one that frames or routes the message, says what the
// content is, or tells the recipient what to do with it. `name` is lower-case.
[[nodiscard]] bool may_be_response_trailer(base::ByteView name) noexcept;

}  // namespace fasterapi::http
