// http/error.hpp: the two kinds of HTTP mistakes, each with its text: the peer's (with the status
// that answers it) and the application's. Tables only; who replies, logs or raises is decided
// elsewhere.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace fasterapi::http {

// name, status hint, cause as logged
#define FASTERAPI_PROTOCOL_ERRORS(X)                                                               \
  X(MalformedRequest, 400, "malformed request line, header or chunk")                              \
  X(AmbiguousFraming, 400, "Transfer-Encoding other than a single 'chunked', or on HTTP/1.0")      \
  X(BadHost, 400, "not exactly one valid Host header")                                             \
  X(BadTarget, 400, "request target is neither a path, '*' for OPTIONS, nor an absolute http URI") \
  X(BadTrailer, 400, "a trailer field that must stand in the head")                                \
  X(ChunkExtensionsTooLarge, 400, "chunk extensions exceed the limit of bytes")                    \
  X(MethodNotAllowed, 405, "TRACE is not served")                                                  \
  X(HeadTimeout, 408, "request head was not complete in time")                                     \
  X(BodyTimeout, 408, "request body came too slowly")                                              \
  X(BodyTooLarge, 413, "request body exceeds the limit of bytes")                                  \
  X(TargetTooLong, 414, "request target exceeds the limit of bytes")                               \
  X(UnknownExpectation, 417, "Expect is not 100-continue")                                         \
  X(HeadTooLarge, 431, "request head exceeds the limit of bytes or fields")                        \
  X(UnknownMethod, 501, "method is not one that this server knows")                                \
  X(UnsupportedVersion, 505, "major HTTP version is not 1")

enum class ProtocolError : std::uint8_t {
#define X(name, status, cause) name,
  FASTERAPI_PROTOCOL_ERRORS(X)
#undef X
};

[[nodiscard]] int status_hint(ProtocolError error) noexcept;
[[nodiscard]] base::ByteView cause_of(ProtocolError error) noexcept;

// name, text as raised in the application; the texts are uvicorn's where it has one
#define FASTERAPI_SEND_ERRORS(X)                                                                   \
  X(HeadAlreadySent, "Expected ASGI message 'http.response.body', but got 'http.response.start'.") \
  X(HeadNotSent, "Expected ASGI message 'http.response.start', but got 'http.response.body'.")     \
  X(AlreadyComplete, "Unexpected ASGI message sent, after response already completed.")            \
  X(IllegalStatus, "Illegal HTTP status code: a final status is 200 to 599.")                      \
  X(IllegalFieldName, "Invalid HTTP header name.")                                                 \
  X(IllegalFieldValue, "Invalid HTTP header value.")                                               \
  X(IllegalLength, "Invalid Content-Length header: one value of decimal digits is allowed.")       \
  X(IllegalTrailer, "Invalid HTTP trailer: this field must stand in the head.")                    \
  X(BodyTooLong, "Response content longer than Content-Length")                                    \
  X(BodyTooShort, "Response content shorter than Content-Length")

enum class SendError : std::uint8_t {
  None,
#define X(name, text) name,
  FASTERAPI_SEND_ERRORS(X)
#undef X
};

[[nodiscard]] base::ByteView text_of(SendError error) noexcept;

}  // namespace fasterapi::http
