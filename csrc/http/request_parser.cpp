// http/request_parser.cpp: what llhttp is given, and what it has skipped; see request_parser.hpp.
// Its callbacks stand in request_parser_callbacks.cpp, what a complete head must be in
// request_parser_head.cpp.
#include "http/request_parser.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"

namespace fasterapi::http {
namespace {

// RFC 9112 section 2.2: at least one empty line should be ignored, but not any number of them.
constexpr std::size_t kEmptyLines = 2;

}  // namespace

RequestParser::RequestParser(const base::Limits& limits, KnownHeads* known) noexcept
    : limits_(limits), known_(known) {
  llhttp_init(&parser_, HTTP_REQUEST, nullptr);
  call_for(head_callbacks());
  llhttp_set_lenient_version(&parser_, 1);  // judged in check_line()
  parser_.data = this;
}

// llhttp never sees more than a head may have before the head is complete: what is refused does not
// depend on how the bytes arrive.
std::size_t RequestParser::parse(base::ByteView bytes) noexcept {
  if (error_ || bytes.empty()) return bytes.size();
  const bool at_start = !std::exchange(in_message_, true);
  if (at_start && known_) {
    if (const std::size_t used = take_known(bytes); used > 0) return used;
  }
  if (stage_ != Stage::Body) {
    if (offset_ == limits_.head_bytes) {
      error_ = seen_.protocol_begin == 0 && head_.target_.size > limits_.target_bytes
                   ? ProtocolError::TargetTooLong
                   : ProtocolError::HeadTooLarge;
      return bytes.size();
    }
    bytes = bytes.substr(0, limits_.head_bytes - offset_);
    if (stage_ == Stage::EmptyLines) {
      if (const std::size_t used = skip_empty_lines(bytes); used > 0) return used;
    } else if (stage_ == Stage::UnknownMethod) {
      if (const std::size_t used = skip_method(bytes); used > 0) return used;
    }
  }
  const std::size_t used = execute(bytes);
  whole_ = at_start && end_ready_ ? bytes.substr(0, used) : base::ByteView();
  return used;
}

// llhttp stays where it is: at the start of a message.
std::size_t RequestParser::take_known(base::ByteView bytes) noexcept {
  const auto known = known_->find(bytes);
  if (!known.head) return 0;
  if (entry([&] { return head_.assign(*known.head), 0; }) != 0) return clear_head(), 0;
  stage_ = Stage::Body;
  head_ready_ = end_ready_ = true;
  return offset_ = known.size;
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
  head_at_ = address_of(input_) - static_cast<std::uint32_t>(offset_ - seen_.head_begin);
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
  } else if (stage_ == Stage::Head && entry([&] { return keep_head(bytes), 0; }) != 0) {
    error_ = ProtocolError::MalformedRequest;
  }
  offset_ += used;
  if (head_.chunked_ && stage_ == Stage::Body && !error_) {
    error_ = status == HPE_PAUSED && !end_ready_ ? resume() : check_chunked(bytes.substr(0, used));
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
                           end - trailers_.line_begin(read, end) > limits_.field_bytes;
    return too_large ? ProtocolError::HeadTooLarge
           : frames  ? ProtocolError::BadTrailer
                     : ProtocolError::MalformedRequest;
  }
  if (stage_ == Stage::Body)
    return chunk_lines_.mistake_at(read, end, limits_.chunk_extension_bytes);
  if (status == HPE_INVALID_URL) return ProtocolError::BadTarget;
  const std::size_t begin = line_begin(read);
  const bool in_field = begin > seen_.head_begin;
  return in_field && (end - begin > limits_.field_bytes || is_one_too_many(begin, end))
             ? ProtocolError::HeadTooLarge
             : ProtocolError::MalformedRequest;
}

// Where the line of the head begins that was not read to its end: what was read before is kept.
std::size_t RequestParser::line_begin(base::ByteView read) const noexcept {
  if (const std::size_t line = read.rfind('\n'); line != base::ByteView::npos)
    return offset_ + line + 1;
  return seen_.head_begin + head_.bytes_.rfind('\n') + 1;
}

// Whether one field more than allowed has begun there.
bool RequestParser::is_one_too_many(std::size_t begin, std::size_t end) const noexcept {
  const FieldRanges& fields = head_.fields_;
  if (end == begin || fields.size() < limits_.head_fields) return false;
  return fields.size() == 0 || begin > offset_of_place(fields.last().name.begin);
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
std::optional<ProtocolError> RequestParser::check_chunked(base::ByteView read) noexcept {
  auto error = chunk_lines_.check_open_line(read, offset_);
  if (!error && (parser_.flags & F_TRAILING)) {
    trailers_.go_on(read, offset_);
    error = trailers_.check_size(offset_, limits_);
  }
  if (error) end_ready_ = false;
  return error;
}

void RequestParser::start_next_message() noexcept {
  llhttp_reset(&parser_);
  call_for(head_callbacks());
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
  head_.known_id_ = 0;
  transfer_encoding_ = {};
  offset_ = 0;
  seen_ = {};
}

bool RequestParser::holds_spare_memory() const noexcept {
  return head_.bytes_.capacity() > base::kIdleBufferBytes ||
         joined_body_.capacity() > base::kIdleBufferBytes ||
         head_.fields_.memory_bytes() > base::kIdleBufferBytes;
}

// Swapped, not assigned: what is assigned an empty one keeps its memory.
void RequestParser::release_spare_memory() noexcept {
  if (!holds_spare_memory()) return;
  std::string().swap(head_.bytes_);
  std::string().swap(joined_body_);
  head_.fields_.release_memory();
}

int RequestParser::refuse(std::optional<ProtocolError> error) noexcept {
  if (!error) return 0;
  error_ = error;
  return HPE_USER;
}

}  // namespace fasterapi::http
