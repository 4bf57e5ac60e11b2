// http/request_parser.cpp: llhttp's callbacks and the checks that llhttp leaves to its user; see
// request_parser.hpp.
#include "http/request_parser.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/ascii.hpp"
#include "http/body_framing.hpp"

namespace fasterapi::http {
namespace {

// The noexcept door for llhttp's callbacks: only bad_alloc can fly, and it ends the message as a
// parse error.
template <class Call>
int llhttp_entry(Call&& call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return HPE_USER;
  }
}

bool is_http_scheme(base::ByteView scheme) noexcept {
  return base::equals_ignoring_case(scheme, "http") || base::equals_ignoring_case(scheme, "https");
}

}  // namespace

RequestParser::RequestParser(const base::Limits& limits) noexcept : limits_(limits) {
  llhttp_init(&parser_, HTTP_REQUEST, &settings());
  parser_.data = this;
}

const llhttp_settings_t& RequestParser::settings() noexcept {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t table;
    llhttp_settings_init(&table);
    table.on_protocol = [](llhttp_t* p, const char* at, size_t size) {
      return self(p).on_protocol({at, size});
    };
    table.on_url = [](llhttp_t* p, const char* at, size_t size) {
      return llhttp_entry([&] { return self(p).on_target({at, size}); });
    };
    table.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
      return llhttp_entry([&] { return self(p).on_field_name({at, size}); });
    };
    table.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
      return llhttp_entry([&] { return self(p).on_field_value({at, size}); });
    };
    table.on_header_value_complete = [](llhttp_t* p) { return self(p).on_field_complete(); };
    table.on_headers_complete = [](llhttp_t* p) {
      return llhttp_entry([&] { return self(p).on_headers_complete(); });
    };
    table.on_body = [](llhttp_t* p, const char* at, size_t size) {
      return llhttp_entry([&] { return self(p).on_body({at, size}), 0; });
    };
    table.on_message_complete = [](llhttp_t* p) { return self(p).on_message_complete(); };
    return table;
  }();
  return made;
}

std::size_t RequestParser::parse(base::ByteView bytes) noexcept {
  if (error_ || bytes.empty()) return bytes.size();
  in_message_ = true;
  stop_after_head_ = !in_body_ && head_bytes_ + bytes.size() > limits_.head_bytes;
  const llhttp_errno_t status = llhttp_execute(&parser_, bytes.data(), bytes.size());
  std::size_t used = bytes.size();
  bool stopped_after_head = false;
  if (status == HPE_PAUSED) {
    used = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
    stopped_after_head = !end_ready_;
    if (stopped_after_head) llhttp_resume(&parser_);
  } else if (status != HPE_OK && !error_) {
    error_ = ProtocolError::MalformedRequest;
  }
  // Counted as the bytes arrive: what llhttp skips (leading line breaks, blanks) counts too.
  if (!error_ && (!in_body_ || stopped_after_head)) {
    head_bytes_ += used;
    if (head_bytes_ > limits_.head_bytes) {
      head_ready_ = false;
      error_ = ProtocolError::HeadTooLarge;
    }
  }
  return used;
}

void RequestParser::start_next_message() noexcept {
  // Not resumed: a trailer "Connection: close" would have llhttp refuse the next message (RFC 9110
  // section 6.5.1).
  llhttp_reset(&parser_);
  clear_head();
  in_message_ = false;
  in_body_ = false;
}

void RequestParser::clear_head() noexcept {
  // Swapped, not assigned: a string that is assigned an empty one keeps its memory.
  if (head_.bytes_.capacity() > base::kIdleBufferBytes) std::string().swap(head_.bytes_);
  if (joined_body_.capacity() > base::kIdleBufferBytes) std::string().swap(joined_body_);
  head_.bytes_.clear();
  head_.fields_.clear();
  head_.target_ = {};
  head_.content_length_.reset();
  head_.expect_continue_ = false;
  head_.forwarded_ = false;
  transfer_encoding_ = {};
  head_bytes_ = 0;
  trailer_bytes_ = 0;
  host_fields_ = 0;
  transfer_encoding_fields_ = 0;
  part_ = FieldPart::None;
}

int RequestParser::refuse(ProtocolError error) noexcept {
  error_ = error;
  return HPE_USER;
}

// llhttp also takes RTSP and ICE, for the methods of theirs that it knows.
int RequestParser::on_protocol(base::ByteView bytes) noexcept {
  return bytes.find_first_not_of("HTP") == base::ByteView::npos
             ? 0
             : refuse(ProtocolError::MalformedRequest);
}

int RequestParser::on_target(base::ByteView bytes) {
  if (head_.bytes_.size() + bytes.size() > limits_.head_bytes)
    return refuse(ProtocolError::HeadTooLarge);
  head_.bytes_.append(bytes);
  head_.target_.size += static_cast<std::uint32_t>(bytes.size());
  return 0;
}

int RequestParser::count_trailer(std::size_t bytes) noexcept {
  trailer_bytes_ += bytes;
  return trailer_bytes_ > limits_.head_bytes ? refuse(ProtocolError::HeadTooLarge) : 0;
}

int RequestParser::on_field_name(base::ByteView bytes) {
  if (in_body_) return count_trailer(bytes.size());
  if (head_.bytes_.size() + bytes.size() > limits_.head_bytes)
    return refuse(ProtocolError::HeadTooLarge);
  std::string& storage = head_.bytes_;
  const auto begin = static_cast<std::uint32_t>(storage.size());
  if (part_ != FieldPart::Name) {
    if (head_.fields_.size() == limits_.head_fields) return refuse(ProtocolError::HeadTooLarge);
    head_.fields_.push_back({{begin, 0}, {}});
    part_ = FieldPart::Name;
  }
  storage.resize(begin + bytes.size());
  std::transform(bytes.begin(), bytes.end(), storage.begin() + begin, base::to_lower);
  head_.fields_.back().name.size += static_cast<std::uint32_t>(bytes.size());
  return 0;
}

int RequestParser::on_field_value(base::ByteView bytes) {
  if (in_body_) return count_trailer(bytes.size());
  if (head_.bytes_.size() + bytes.size() > limits_.head_bytes)
    return refuse(ProtocolError::HeadTooLarge);
  auto& value = head_.fields_.back().value;
  if (part_ != FieldPart::Value) {
    value.begin = static_cast<std::uint32_t>(head_.bytes_.size());
    part_ = FieldPart::Value;
  }
  head_.bytes_.append(bytes);
  value.size += static_cast<std::uint32_t>(bytes.size());
  return 0;
}

// llhttp strips the blanks before a value, not those behind it; both are no part of it (RFC 9110
// section 5.5).
int RequestParser::on_field_complete() noexcept {
  if (in_body_) return 0;
  part_ = FieldPart::None;
  auto& value = head_.fields_.back().value;
  while (value.size > 0 && base::is_ows(head_.bytes_[value.begin + value.size - 1])) --value.size;
  return 0;
}

int RequestParser::on_headers_complete() {
  if (const auto error = finish_head()) return refuse(*error);
  in_body_ = true;
  head_ready_ = true;
  return stop_after_head_ ? HPE_PAUSED : 0;
}

std::optional<ProtocolError> RequestParser::finish_head() {
  head_.method_ = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
  head_.minor_version_ = parser_.http_minor;
  if (parser_.http_major != 1) return ProtocolError::UnsupportedVersion;
  for (std::size_t index = 0; index < head_.field_count(); ++index) {
    const auto field = head_.field(index);
    note_field(field.name, field.value);
  }
  if (head_.minor_version_ == 0) head_.expect_continue_ = false;  // RFC 9110 section 10.1.1
  if (host_fields_ > 1 || (host_fields_ == 0 && head_.minor_version_ >= 1))
    return ProtocolError::BadHost;
  if (!split_target()) return ProtocolError::BadTarget;
  const RequestFraming framing{transfer_encoding_fields_, transfer_encoding_, head_.minor_version_};
  if (const auto error = check_request_framing(framing)) return error;
  head_.chunked_ = transfer_encoding_fields_ > 0;
  // llhttp does not take "chunked" with a tab behind it for chunked and would refuse the request
  // only after its head.
  if (head_.chunked_ && !(parser_.flags & F_CHUNKED)) return ProtocolError::AmbiguousFraming;
  if (parser_.flags & F_CONTENT_LENGTH) head_.content_length_ = parser_.content_length;
  // RFC 9112 section 9.3: HTTP/1.0 persists only by a Connection option, which uvicorn does not
  // honour either.
  head_.keep_alive_ = head_.minor_version_ >= 1 && llhttp_should_keep_alive(&parser_) != 0;
  if (head_.minor_version_ == 0) head_.expect_continue_ = false;  // RFC 9110 section 10.1.1
  // An upgrade that we do not perform is ignored (RFC 9110 section 7.8): llhttp shall go on with
  // HTTP behind it.
  head_.upgrade_ = std::exchange(parser_.upgrade, 0) != 0 && head_.minor_version_ >= 1;
  return std::nullopt;
}

void RequestParser::note_field(base::ByteView name, base::ByteView value) noexcept {
  switch (name.size()) {
    case 4:
      if (name == "host") ++host_fields_;
      break;
    case 6:
      if (name == "expect")
        head_.expect_continue_ = base::equals_ignoring_case(value, "100-continue");
      break;
    case 15:
      if (name == "x-forwarded-for") head_.forwarded_ = true;
      break;
    case 17:
      if (name == "transfer-encoding") {
        ++transfer_encoding_fields_;
        transfer_encoding_ = value;
      } else if (name == "x-forwarded-proto") {
        head_.forwarded_ = true;
      }
      break;
    default:
      break;
  }
}

// RFC 9112 section 3.2: origin-form, absolute-form, or asterisk-form with OPTIONS; authority-form
// only serves CONNECT, which we do not offer. A fragment is never part of a target.
bool RequestParser::split_target() noexcept {
  const base::ByteView target = head_.target();
  if (target.empty() || head_.method_ == "CONNECT" || target.find('#') != base::ByteView::npos)
    return false;
  std::size_t begin = 0;
  std::size_t slash = 0;
  if (target == "*") {
    if (head_.method_ != "OPTIONS") return false;
  } else if (target.front() != '/') {
    const auto scheme = std::min(target.find("://"), target.size());
    if (!is_http_scheme(target.substr(0, scheme))) return false;
    slash = scheme + 1;
    const std::size_t authority = slash + 2;
    begin = std::min(target.find_first_of("/?", authority), target.size());
    if (begin == authority)
      return false;  // RFC 9110 section 4.2.1: a recipient must refuse an empty host
  }
  const std::size_t mark = std::min(target.find('?', begin), target.size());
  const auto range = [&](std::size_t from, std::size_t to) {
    return RequestHead::Range{head_.target_.begin + static_cast<std::uint32_t>(from),
                              static_cast<std::uint32_t>(to - from)};
  };
  // RFC 9110 section 4.2.3: an empty path means "/", of which there is one in "http://".
  head_.path_ = begin == mark ? range(slash, slash + 1) : range(begin, mark);
  head_.query_ = range(std::min(mark + 1, target.size()), target.size());
  return true;
}

// One chunk of input may hold many chunks of HTTP: the first is handed on as it lies, more are
// joined by copying.
void RequestParser::on_body(base::ByteView bytes) {
  if (body_.empty()) {
    body_ = bytes;
    return;
  }
  if (body_.data() != joined_body_.data()) joined_body_.assign(body_);
  joined_body_.append(bytes);
  body_ = joined_body_;
}

int RequestParser::on_message_complete() noexcept {
  end_ready_ = true;
  return HPE_PAUSED;
}

}  // namespace fasterapi::http
