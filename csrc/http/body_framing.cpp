// http/body_framing.cpp: see body_framing.hpp.
#include "http/body_framing.hpp"

#include "base/ascii.hpp"

namespace fasterapi::http {

std::optional<ProtocolError> check_request_framing(const RequestFraming& framing) noexcept {
  if (framing.transfer_encoding_fields == 0) return std::nullopt;
  // RFC 9112 section 6.1: a transfer coding on HTTP/1.0 is the shape of request smuggling; we know
  // no coding but chunked.
  const bool beyond_doubt = framing.transfer_encoding_fields == 1 && framing.minor_version >= 1 &&
                            !framing.blank_behind &&
                            base::equals_ignoring_case(framing.transfer_encoding, "chunked");
  if (!beyond_doubt) return ProtocolError::AmbiguousFraming;
  return std::nullopt;
}

BodyFraming response_framing(bool request_is_head, int request_minor_version, int status,
                             bool has_content_length) noexcept {
  if (request_is_head || status == 204 || status == 304) return BodyFraming::None;
  if (has_content_length) return BodyFraming::ContentLength;
  return request_minor_version == 0 ? BodyFraming::UntilClose : BodyFraming::Chunked;
}

}  // namespace fasterapi::http
