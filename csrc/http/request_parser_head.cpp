// http/request_parser_head.cpp: what a head must be once llhttp has read it whole (RFC 9112 section
// 3, RFC 9110 section 5); see request_parser.hpp.
#include <span>

#include "base/ascii.hpp"
#include "http/authority.hpp"
#include "http/body_framing.hpp"
#include "http/request_parser.hpp"
#include "http/target.hpp"

namespace fasterapi::http {
namespace {

// RFC 9110 section 8.6: so many always fit into 64 bits, with a sign too.
constexpr std::size_t kLengthDigits = 18;

constexpr base::ByteView kHost = "host";
constexpr base::ByteView kExpect = "expect";
constexpr base::ByteView kContentLength = "content-length";
constexpr base::ByteView kTransferEncoding = "transfer-encoding";
constexpr base::ByteView kForwardedFor = "x-forwarded-for";
constexpr base::ByteView kForwardedProto = "x-forwarded-proto";

// Whether a name of that size may be one of these: most are not.
constexpr bool may_be_noted(std::uint32_t size) noexcept {
  constexpr std::uint64_t kSizes = [] {
    std::uint64_t sizes = 0;
    for (const base::ByteView name :
         {kHost, kExpect, kContentLength, kTransferEncoding, kForwardedFor, kForwardedProto})
      sizes |= std::uint64_t{1} << name.size();
    return sizes;
  }();
  return (kSizes >> size % 64 & 1) != 0;
}

// In a field value, where no other control character may stand.
constexpr bool is_blank(char c) noexcept { return static_cast<unsigned char>(c) <= ' '; }

}  // namespace

std::optional<ProtocolError> RequestParser::check_line() noexcept {
  // RFC 9112 section 3: single spaces, of which llhttp takes any number, and a version.
  if (seen_.target_begin != seen_.method_end + 1 || seen_.protocol_begin != seen_.target_end + 1)
    return ProtocolError::MalformedRequest;
  if (parser_.http_major != 1) return ProtocolError::UnsupportedVersion;
  // RFC 9110 section 2.5: a higher minor version is answered as the highest that is known.
  head_.minor_version_ = parser_.http_minor == 0 ? 0 : 1;
  if (parser_.method == HTTP_CONNECT) return ProtocolError::UnknownMethod;
  const auto target = split_target(head_.target(), parser_.method == HTTP_OPTIONS);
  if (!target) return ProtocolError::BadTarget;
  const auto range_of = [&](base::ByteView part) {
    return Range{static_cast<std::uint32_t>(part.data() - head_.bytes_.data()),
                 static_cast<std::uint32_t>(part.size())};
  };
  head_.path_ = range_of(target->path);
  head_.query_ = range_of(target->query);
  if (!target->authority.empty()) seen_.authority = range_of(target->authority);
  if (seen_.unknown_method) return ProtocolError::UnknownMethod;
  if (parser_.method == HTTP_TRACE) return ProtocolError::MethodNotAllowed;
  return std::nullopt;
}

std::optional<ProtocolError> RequestParser::check_fields() noexcept {
  char* const bytes = head_.bytes_.data();
  const std::size_t size = head_.bytes_.size();
  const std::span<FieldRange> fields = head_.fields_.all();
  for (FieldRange& field : fields) {
    const auto [name, name_size] = field.name;
    base::make_token_lower(bytes + name, name_size, size - name);
    // llhttp strips the blanks before a value, not those behind it; both are no part of it (RFC
    // 9110 section 5.5). The first byte of a value is no blank, nor is the one before an empty one.
    while (is_blank(bytes[field.value_end - 1])) --field.value_end;
    if (may_be_noted(name_size)) note_field(static_cast<std::size_t>(&field - fields.data()));
  }
  if (!check_host()) return ProtocolError::BadHost;
  const bool on_http_1_0 = head_.minor_version_ == 0;
  const RequestFraming framing{seen_.transfer_encoding_fields, transfer_encoding_,
                               head_.minor_version_, seen_.blank_behind_encoding};
  if (const auto error = check_request_framing(framing)) return error;
  if (seen_.malformed_length) return ProtocolError::MalformedRequest;
  head_.chunked_ = seen_.transfer_encoding_fields > 0;
  if (parser_.flags & F_CONTENT_LENGTH) head_.content_length_ = parser_.content_length;
  // RFC 9110 section 10.1.1: on HTTP/1.0 an expectation means nothing.
  if (on_http_1_0) head_.expect_continue_ = false;
  if (seen_.unknown_expectation && !on_http_1_0) return ProtocolError::UnknownExpectation;
  if (head_.content_length_.value_or(0) > limits_.body_bytes) return ProtocolError::BodyTooLarge;
  // RFC 9112 section 9.3: HTTP/1.0 persists only by a Connection option, which uvicorn does not
  // honour either.
  head_.keep_alive_ = !on_http_1_0 && llhttp_should_keep_alive(&parser_) != 0;
  return std::nullopt;
}

// Of the names above.
void RequestParser::note_field(std::size_t index) noexcept {
  const auto [name, value] = head_.field(index);
  if (name == kHost) {
    ++seen_.host_fields;
    seen_.host_index = index;
  } else if (name == kExpect) {
    head_.expect_continue_ = base::equals_ignoring_case(value, "100-continue");
    seen_.unknown_expectation |= !head_.expect_continue_;
  } else if (name == kContentLength) {
    seen_.malformed_length = value.size() > kLengthDigits;
  } else if (name == kForwardedFor || name == kForwardedProto) {
    head_.forwarded_ = true;
  } else if (name == kTransferEncoding) {
    const char* end = value.data() + value.size();
    ++seen_.transfer_encoding_fields;
    transfer_encoding_ = value;
    // Trimmed away, but still there: behind the last value stands nothing, behind another a name.
    seen_.blank_behind_encoding =
        end < head_.bytes_.data() + head_.bytes_.size() && base::is_ows(*end);
  }
}

// RFC 9112 section 3.2: exactly one on HTTP/1.1, empty only if the target names no host either.
bool RequestParser::check_host() noexcept {
  if (seen_.host_fields == 0) return head_.minor_version_ == 0;
  if (seen_.host_fields > 1) return false;
  auto& field = head_.fields_.all()[seen_.host_index];
  const Range value = field.value();
  if (value.size == 0 ? head_.target() != "*" : !is_authority(head_.at(value))) return false;
  // RFC 9112 section 3.2.2: what an absolute target names is the host, whatever the field says.
  if (seen_.authority.size > 0) {
    field.value_begin = seen_.authority.begin;
    field.value_end = seen_.authority.begin + seen_.authority.size;
  }
  return true;
}

}  // namespace fasterapi::http
