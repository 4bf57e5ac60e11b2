// http/body_framing.hpp: the rules of RFC 9112 section 6.3 that llhttp leaves open, and the length
// of a response. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "http/error.hpp"

namespace fasterapi::http {

// What the parser saw in a request head.
struct RequestFraming {
  int transfer_encoding_fields = 0;
  base::ByteView transfer_encoding;  // value of the last such field
  int minor_version = 1;
  bool blank_behind = false;  // behind that value: not every recipient trims it
};

// Whether the request's length is beyond doubt. llhttp has refused Content-Length that is
// malformed, repeated or joined by Transfer-Encoding; it accepts "gzip, chunked" and
// Transfer-Encoding on HTTP/1.0, which we refuse.
[[nodiscard]] std::optional<ProtocolError> check_request_framing(
    const RequestFraming& framing) noexcept;

enum class BodyFraming : std::uint8_t {
  None,           // no body by the nature of the message: HEAD, 204, 304
  ContentLength,  // exactly so many bytes
  Chunked,        // RFC 9112 section 7.1
  UntilClose,     // HTTP/1.0 without a length: the close ends it
};

// RFC 9112 section 6.3 and RFC 9110 section 6.4.1, from the sender's side.
[[nodiscard]] BodyFraming response_framing(bool request_is_head, int request_minor_version,
                                           int status, bool has_content_length) noexcept;

}  // namespace fasterapi::http
