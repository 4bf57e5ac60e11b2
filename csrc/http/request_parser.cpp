// http/request_parser.cpp: llhttp's callbacks, and what it has skipped between them; see
// request_parser.hpp. What a complete head must be stands in request_parser_head.cpp.
#include "http/request_parser.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/ascii.hpp"

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

// RFC 9112 section 2.2: at least one empty line should be ignored, but not any number of them.
constexpr std::size_t kEmptyLines = 2;

constexpr std::size_t kLineBreak = 2;  // CR LF

// No chunk ends there, and no offset overflows behind it.
constexpr std::uint64_t kEndless = std::uint64_t{1} << 62;

// llhttp reads these for RTSP and the preface of HTTP/2; on HTTP/1.1 they are no methods of ours.
bool is_foreign(std::uint8_t method) noexcept { return method >= HTTP_PRI && method <= HTTP_FLUSH; }

}  // namespace

RequestParser::RequestParser(const base::Limits& limits) noexcept : limits_(limits) {
  llhttp_init(&parser_, HTTP_REQUEST, &settings());
  llhttp_set_lenient_version(&parser_, 1);  // judged in check_line()
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
      return self(p).on_target({at, size});
    };
    table.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
      return llhttp_entry([&] { return self(p).on_field_name({at, size}); });
    };
    table.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
      return self(p).on_field_value({at, size});
    };
    table.on_header_value_complete = [](llhttp_t* p) { return self(p).on_field_complete(); };
    table.on_headers_complete = [](llhttp_t* p) {
      return llhttp_entry([&] { return self(p).on_headers_complete(); });
    };
    table.on_body = [](llhttp_t* p, const char* at, size_t size) {
      return llhttp_entry([&] { return self(p).on_body({at, size}); });
    };
    table.on_message_complete = [](llhttp_t* p) {
      self(p).end_ready_ = true;
      return static_cast<int>(HPE_PAUSED);
    };
    set_chunk_callbacks(table);
    return table;
  }();
  return made;
}

void RequestParser::set_chunk_callbacks(llhttp_settings_t& table) noexcept {
  table.on_chunk_header = [](llhttp_t* p) { return self(p).on_chunk_header(); };
  table.on_chunk_extension_name = [](llhttp_t* p, const char* at, size_t size) {
    RequestParser& me = self(p);
    return me.refuse(
        me.chunk_lines_.add_name({at, size}, me.offset_of(at), me.limits_.chunk_extension_bytes));
  };
  table.on_chunk_extension_value = [](llhttp_t* p, const char* at, size_t size) {
    RequestParser& me = self(p);
    return me.refuse(
        me.chunk_lines_.add_value({at, size}, me.offset_of(at), me.limits_.chunk_extension_bytes));
  };
  table.on_chunk_extension_name_complete = [](llhttp_t* p) {
    return self(p).refuse(self(p).chunk_lines_.end_name_or_value());
  };
  table.on_chunk_extension_value_complete = table.on_chunk_extension_name_complete;
}

// llhttp never sees more than a head may have before the head is complete: what is refused does not
// depend on how the bytes arrive.
std::size_t RequestParser::parse(base::ByteView bytes) noexcept {
  if (error_ || bytes.empty()) return bytes.size();
  in_message_ = true;
  if (stage_ != Stage::Body) {
    if (offset_ == limits_.head_bytes) {
      error_ = ProtocolError::HeadTooLarge;
      return bytes.size();
    }
    bytes = bytes.substr(0, limits_.head_bytes - offset_);
    if (stage_ == Stage::EmptyLines) {
      if (const std::size_t used = skip_empty_lines(bytes); used > 0) return used;
    } else if (stage_ == Stage::UnknownMethod) {
      if (const std::size_t used = skip_method(bytes); used > 0) return used;
    }
  }
  return execute(bytes);
}

// llhttp skips any number of CR and LF in any order.
std::size_t RequestParser::skip_empty_lines(base::ByteView bytes) noexcept {
  std::size_t used = 0;
  const auto is_next = [&](char c) { return c == "\r\n"[(offset_ + used) % 2]; };
  while (used < bytes.size() && offset_ + used < 2 * kEmptyLines && is_next(bytes[used])) ++used;
  offset_ += used;
  if (used == bytes.size()) return used;
  if (offset_ % 2 != 0 || bytes[used] == '\r' || bytes[used] == '\n') {
    error_ = ProtocolError::MalformedRequest;
    return bytes.size();
  }
  seen_.method_begin = offset_;
  seen_.head_begin = offset_;
  stage_ = Stage::Head;
  return used;
}

// What llhttp has taken so far began like a method it knows: a token. If the rest is one, too, the
// line is read on as if the method were GET, so that a line that is malformed is called so.
std::size_t RequestParser::skip_method(base::ByteView bytes) noexcept {
  std::size_t used = 0;
  while (used < bytes.size() && base::token_to_lower(bytes[used]) != 0) ++used;
  offset_ += used;
  if (used == bytes.size()) return used;
  if (bytes[used] != ' ' || offset_ == seen_.method_begin) {
    error_ = ProtocolError::MalformedRequest;
    return bytes.size();
  }
  seen_.method_end = offset_;
  seen_.head_begin = offset_;
  head_.bytes_.clear();
  seen_.unknown_method = true;
  head_.method_ = {};
  stage_ = Stage::Head;
  constexpr base::ByteView kSubstitute = "GET";
  llhttp_reset(&parser_);
  llhttp_execute(&parser_, kSubstitute.data(), kSubstitute.size());
  return used;
}

std::size_t RequestParser::execute(base::ByteView bytes) noexcept {
  input_ = bytes.data();
  const llhttp_errno_t status = llhttp_execute(&parser_, bytes.data(), bytes.size());
  std::size_t used = bytes.size();
  if (status != HPE_OK) {
    used = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
    if (status == HPE_INVALID_METHOD && !error_) {
      stage_ = Stage::UnknownMethod;
      offset_ += used;
      return used + parse(bytes.substr(used));
    }
    if (status != HPE_PAUSED && !error_) error_ = mistake_at(status, bytes, used);
  } else if (stage_ == Stage::Head && llhttp_entry([&] { return keep_head(bytes), 0; }) != 0) {
    error_ = ProtocolError::MalformedRequest;
  }
  offset_ += used;
  if (head_.chunked_ && stage_ == Stage::Body && !error_) {
    error_ = status == HPE_PAUSED && !end_ready_ ? resume() : check_chunked();
  }
  return error_ ? bytes.size() : used;
}

// Of what llhttp refuses, the part that was read may have been too large before.
ProtocolError RequestParser::mistake_at(llhttp_errno_t status, base::ByteView bytes,
                                        std::size_t position) const noexcept {
  const base::ByteView read = bytes.substr(0, position);
  const std::size_t end = offset_ + position;
  if (stage_ == Stage::Body && (parser_.flags & F_TRAILING)) {
    const bool frames = status == HPE_UNEXPECTED_CONTENT_LENGTH ||
                        status == HPE_INVALID_CONTENT_LENGTH ||
                        status == HPE_INVALID_TRANSFER_ENCODING;
    const bool too_large = trailers_.check_size(end, limits_).has_value() ||
                           end - field_begin(read) > limits_.field_bytes;
    return too_large ? ProtocolError::HeadTooLarge
           : frames  ? ProtocolError::BadTrailer
                     : ProtocolError::MalformedRequest;
  }
  if (stage_ == Stage::Body)
    return chunk_lines_.mistake_at(read, end, limits_.chunk_extension_bytes);
  if (status == HPE_INVALID_URL) {
    if (seen_.target_end > offset_) return ProtocolError::BadTarget;  // judged by on_target()
    const std::size_t begin =
        seen_.target_end > 0 ? seen_.target_begin : offset_ + read.rfind(' ') + 1;
    return end - begin > limits_.target_bytes ? ProtocolError::TargetTooLong
                                              : ProtocolError::BadTarget;
  }
  return seen_.protocol_begin != 0 && end - field_begin(read) > limits_.field_bytes
             ? ProtocolError::HeadTooLarge
             : ProtocolError::MalformedRequest;
}

// Where the field begins that was not read to its end: behind the last line break, or where a
// callback has told, or with the input. In the version, which is no field, not far back.
std::size_t RequestParser::field_begin(base::ByteView read) const noexcept {
  if (const std::size_t line = read.rfind('\n'); line != base::ByteView::npos)
    return offset_ + line + 1;
  if (stage_ == Stage::Body) return trailers_.in_field() ? trailers_.field_begin() : offset_;
  if (seen_.part != FieldPart::None) return seen_.field_begin;
  return std::max(offset_, seen_.protocol_begin);
}

// Where a head with a chunked body ends, and the line of its last chunk or of one that is too
// large, is seen from outside only.
std::optional<ProtocolError> RequestParser::resume() noexcept {
  llhttp_resume(&parser_);
  if (!std::exchange(seen_.chunks, true)) {
    chunk_lines_.begin_body(offset_);
    return std::nullopt;
  }
  chunk_lines_.end_body();
  trailers_.begin_section(offset_);
  const auto error = chunk_lines_.check_digits(offset_ - kLineBreak);
  return !error && seen_.body_too_large ? ProtocolError::BodyTooLarge : error;
}

// What no callback tells: lines that go on and on.
std::optional<ProtocolError> RequestParser::check_chunked() noexcept {
  auto error = chunk_lines_.check_open_line(offset_);
  if (!error && (parser_.flags & F_TRAILING)) error = trailers_.check_size(offset_, limits_);
  if (error) end_ready_ = false;
  return error;
}

void RequestParser::start_next_message() noexcept {
  llhttp_reset(&parser_);
  clear_head();
  in_message_ = false;
  stage_ = Stage::EmptyLines;
}

void RequestParser::clear_head() noexcept {
  head_.bytes_.clear();
  head_.fields_.clear();
  head_.target_ = {};
  head_.content_length_.reset();
  head_.chunked_ = false;
  head_.expect_continue_ = false;
  head_.forwarded_ = false;
  transfer_encoding_ = {};
  offset_ = 0;
  seen_ = {};
}

bool RequestParser::holds_spare_memory() const noexcept {
  return head_.bytes_.capacity() > base::kIdleBufferBytes ||
         joined_body_.capacity() > base::kIdleBufferBytes ||
         head_.fields_.capacity() * sizeof(RequestHead::FieldRange) > base::kIdleBufferBytes;
}

// Swapped, not assigned: what is assigned an empty one keeps its memory.
void RequestParser::release_spare_memory() noexcept {
  if (!holds_spare_memory()) return;
  std::string().swap(head_.bytes_);
  std::string().swap(joined_body_);
  std::vector<RequestHead::FieldRange>().swap(head_.fields_);
}

int RequestParser::refuse(std::optional<ProtocolError> error) noexcept {
  if (!error) return 0;
  error_ = error;
  return HPE_USER;
}

// llhttp also takes RTSP and ICE, for the methods of theirs that it knows.
int RequestParser::on_protocol(base::ByteView bytes) noexcept {
  if (bytes.empty() || seen_.protocol_begin != 0) return 0;
  seen_.protocol_begin = offset_of(bytes.data());
  return bytes.front() == 'H' ? 0 : refuse(ProtocolError::MalformedRequest);
}

void RequestParser::begin_target(std::size_t offset) noexcept {
  seen_.target_begin = offset;
  if (seen_.unknown_method) return;
  head_.method_ = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
  seen_.method_end = seen_.method_begin + head_.method_.size();
  if (is_foreign(parser_.method)) {
    seen_.unknown_method = true;
    parser_.method = HTTP_GET;
  }
}

int RequestParser::on_target(base::ByteView bytes) noexcept {
  const std::size_t offset = offset_of(bytes.data());
  if (head_.target_.size == 0) begin_target(offset);
  seen_.target_end = offset + bytes.size();
  const std::size_t size = seen_.target_end - seen_.target_begin;
  head_.target_ = range_at(seen_.target_begin, size);
  return size > limits_.target_bytes ? refuse(ProtocolError::TargetTooLong) : 0;
}

int RequestParser::on_field_name(base::ByteView bytes) {
  const std::size_t offset = offset_of(bytes.data());
  if (stage_ == Stage::Body) {
    return refuse(trailers_.add_name(bytes, offset, limits_));
  }
  if (seen_.part != FieldPart::Name) {
    head_.fields_.push_back({range_at(offset, 0), {}});
    seen_.part = FieldPart::Name;
    seen_.field_begin = offset;
  }
  seen_.fields_end = offset + bytes.size();
  const std::size_t size = seen_.fields_end - seen_.field_begin;
  head_.fields_.back().name.size = static_cast<std::uint32_t>(size);
  return size > limits_.field_bytes ? refuse(ProtocolError::HeadTooLarge) : 0;
}

int RequestParser::on_field_value(base::ByteView bytes) noexcept {
  const std::size_t offset = offset_of(bytes.data());
  if (stage_ == Stage::Body) return refuse(trailers_.add_value(bytes, offset, limits_));
  seen_.part = FieldPart::Value;
  if (bytes.empty()) return 0;  // llhttp names a place behind the line
  auto& value = head_.fields_.back().value;
  if (value.size == 0) value = range_at(offset, 0);
  value.size += static_cast<std::uint32_t>(bytes.size());
  seen_.fields_end = offset + bytes.size();
  return seen_.fields_end - seen_.field_begin > limits_.field_bytes
             ? refuse(ProtocolError::HeadTooLarge)
             : 0;
}

int RequestParser::on_field_complete() noexcept {
  if (stage_ == Stage::Body) return refuse(trailers_.end_field(limits_));
  seen_.part = FieldPart::None;
  return head_.fields_.size() > limits_.head_fields ? refuse(ProtocolError::HeadTooLarge) : 0;
}

int RequestParser::on_headers_complete() {
  // The head is kept as it came, in one piece; its ranges were noted on the way.
  const std::size_t end = std::max(seen_.fields_end, seen_.target_end);
  if (end > offset_) keep_head({input_, end - offset_});
  auto error = check_line();
  if (!error) error = check_fields();
  if (error) return refuse(error);
  // An upgrade that we do not perform is ignored (RFC 9110 section 7.8): llhttp shall go on with
  // HTTP behind it.
  head_.upgrade_ = std::exchange(parser_.upgrade, 0) != 0 && head_.minor_version_ >= 1;
  stage_ = Stage::Body;
  head_ready_ = true;
  return head_.chunked_ ? HPE_PAUSED : 0;  // where the body begins is seen from outside only
}

// One chunk of input may hold many chunks of HTTP: the first is handed on as it lies, more are
// joined by copying.
int RequestParser::on_body(base::ByteView bytes) {
  if (head_.chunked_ && !std::exchange(seen_.chunk_data, true)) {
    const std::size_t offset = offset_of(bytes.data());
    if (const auto error = chunk_lines_.check_digits(offset - kLineBreak)) return refuse(error);
    chunk_lines_.begin_line(offset + std::min(seen_.chunk_size, kEndless) + kLineBreak);
  }
  if (body_.empty()) {
    body_ = bytes;
    return 0;
  }
  if (body_.data() != joined_body_.data()) joined_body_.assign(body_);
  joined_body_.append(bytes);
  body_ = joined_body_;
  return 0;
}

int RequestParser::on_chunk_header() noexcept {
  seen_.chunk_size = parser_.content_length;
  seen_.chunk_data = false;
  seen_.body_too_large = seen_.chunk_size > limits_.body_bytes - seen_.chunk_bytes;
  seen_.chunk_bytes += seen_.chunk_size;
  chunk_lines_.end_line();
  return seen_.chunk_size == 0 || seen_.body_too_large ? HPE_PAUSED : 0;
}

}  // namespace fasterapi::http
