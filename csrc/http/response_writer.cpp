// http/response_writer.cpp: see response_writer.hpp.
#include "http/response_writer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <new>
#include <utility>

#include "base/ascii.hpp"
#include "http/response_trailers.hpp"

namespace fasterapi::http {

SendError ResponseWriter::begin_head(base::PayloadQueue& out, Request request, int status,
                                     base::ByteView default_fields) {
  if (status < 200 || status > StatusLines::kLast) return SendError::IllegalStatus;
  out_ = &out;
  head_begin_ = out.size();
  request_ = request;
  status_ = status;
  content_length_.reset();
  sent_bytes_ = 0;
  keep_alive_ = request.keep_alive;
  close_written_ = false;
  trailers_begun_ = chunk_open_ = false;
  return or_abandoned([&] {
    out.append(status_lines_.line(status));
    out.append(default_fields);
    fields_begin_ = out.size();
    return SendError::None;
  });
}

SendError ResponseWriter::abandoned(SendError error) noexcept {
  abandon_head();
  return error;
}

// A line, validated, with its name in lower case.
inline SendError ResponseWriter::write_line(base::ByteView name, base::ByteView value,
                                            base::ByteView& lower_name) {
  if (name.empty()) return abandoned(SendError::IllegalFieldName);
  char* to = out_->grow(name.size() + value.size() + 4);
  lower_name = {to, name.size()};
  for (const char c : name) {
    const char lower = base::token_to_lower(c);
    if (lower == 0) return abandoned(SendError::IllegalFieldName);
    *to++ = lower;
  }
  *to++ = ':';
  *to++ = ' ';
  if (!base::is_field_value(value)) return abandoned(SendError::IllegalFieldValue);
  to = std::copy(value.begin(), value.end(), to);
  *to++ = '\r';
  *to++ = '\n';
  return SendError::None;
}

void ResponseWriter::drop_line(base::ByteView name, base::ByteView value) noexcept {
  out_->rollback(out_->size() - (name.size() + value.size() + 4));
}

SendError ResponseWriter::add_field(base::ByteView name, base::ByteView value) {
  return or_abandoned([&] { return write_field(name, value); });
}

inline SendError ResponseWriter::write_field(base::ByteView name, base::ByteView value) {
  base::ByteView written;
  if (const SendError error = write_line(name, value, written); error != SendError::None)
    return error;
  if (written == "content-length") {
    const SendError error = note_length(value);
    if (status_ == 204 && error == SendError::None) drop_line(name, value);  // RFC 9110 section 8.6
    return error;
  }
  if (written == "transfer-encoding") {  // framing is ours alone (RFC 9112 section 6.1): the
                                         // application's is dropped
    drop_line(name, value);
  } else if (written == "connection" && base::list_contains(value, "close")) {
    keep_alive_ = false;
    close_written_ = true;
  }
  return SendError::None;
}

SendError ResponseWriter::note_length(base::ByteView value) noexcept {
  const auto length = base::parse_decimal(base::trim_ows(value));
  if (!length || content_length_) return abandoned(SendError::IllegalLength);
  content_length_ = length;
  return SendError::None;
}

EncodedFields ResponseWriter::encoded_fields() {
  return or_abandoned([&] {
    return EncodedFields{std::string(out_->since(fields_begin_)), content_length_, close_written_};
  });
}

void ResponseWriter::add_encoded(const EncodedFields& fields) {
  assert(out_->size() == fields_begin_ && "a field has been added");
  or_abandoned([&] { out_->append(fields.lines); });
  content_length_ = fields.content_length;
  if (fields.close) {
    keep_alive_ = false;
    close_written_ = true;
  }
}

SendError ResponseWriter::end_head() {
  framing_ = response_framing(request_.is_head, request_.minor_version, status_,
                              content_length_.has_value());
  if (framing_ == BodyFraming::UntilClose) keep_alive_ = false;
  return or_abandoned([&] {
    if (!keep_alive_ && !close_written_) out_->append("connection: close\r\n");
    out_->append(framing_ == BodyFraming::Chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n");
    out_ = nullptr;
    return SendError::None;
  });
}

SendError ResponseWriter::send_body(base::PayloadQueue& out, base::ByteView bytes, bool more) {
  return send(out, bytes, bytes.size(), more);
}

SendError ResponseWriter::send_body(base::PayloadQueue& out, base::Payload payload, bool more) {
  const std::size_t size = payload.view().size();
  return send(out, std::move(payload), size, more);
}

void ResponseWriter::write_ready_head(base::PayloadQueue& out, Request request, int status,
                                      std::initializer_list<base::ByteView> lines) {
  out_ = &out;
  head_begin_ = out.size();
  request_ = request;
  status_ = status;
  keep_alive_ = request.keep_alive;
  framing_ = BodyFraming::None;
  (void)or_abandoned([&] {
    out.append(status_lines_.line(status));
    for (const base::ByteView some : lines) out.append(some);
    out.append(keep_alive_ ? "\r\n" : "connection: close\r\n\r\n");
    return SendError::None;
  });
}

ResponseWriter::Piece ResponseWriter::admit(std::size_t size, bool more) noexcept {
  if (framing_ == BodyFraming::None) return {0, SendError::None};
  if (framing_ != BodyFraming::ContentLength) return {size, SendError::None};
  const std::uint64_t left = *content_length_ - sent_bytes_;
  if (size > left) return {static_cast<std::size_t>(left), SendError::BodyTooLong};
  return {size, !more && size < left ? SendError::BodyTooShort : SendError::None};
}

inline void ResponseWriter::begin_chunk(base::PayloadQueue& out, std::size_t size) {
  std::array<char, 18> line;
  char* end = std::to_chars(line.data(), line.data() + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(base::ByteView(line.data(), static_cast<std::size_t>(end - line.data())));
}

template <class Bytes>
SendError ResponseWriter::send(base::PayloadQueue& out, Bytes bytes, std::size_t size, bool more) {
  const Piece piece = admit(size, more);
  sent_bytes_ += piece.size;
  const bool chunked = framing_ == BodyFraming::Chunked;
  if (piece.size > 0) {
    if (chunked) begin_chunk(out, piece.size);
    if (piece.size == size) {
      out.append(std::move(bytes));
    } else if constexpr (std::is_same_v<Bytes, base::ByteView>) {
      out.append(bytes.substr(0, piece.size));
    } else {
      out.append(bytes.view().substr(
          0, piece.size));  // copied: the cut piece of a body that is too long anyway
    }
    if (chunked) out.append("\r\n");
  }
  if (chunked && !more) out.append("0\r\n\r\n");
  if (piece.error != SendError::None) keep_alive_ = false;
  return piece.error;
}

SendError ResponseWriter::begin_informational(base::PayloadQueue& out, Request request,
                                              int status) {
  // 100 is the server's to say; 101 would end HTTP.
  if (status != 102 && status != 103) return SendError::IllegalStatus;
  out_ = &out;
  head_begin_ = out.size();
  request_ = request;
  return or_abandoned([&] {
    out.append(status_lines_.line(status));
    return SendError::None;
  });
}

SendError ResponseWriter::add_informational_field(base::ByteView name, base::ByteView value) {
  return or_abandoned([&] {
    base::ByteView written;
    const SendError error = write_line(name, value, written);
    // RFC 9110 section 8.6, RFC 9112 section 6.1: a 1xx has no body to frame.
    if (error == SendError::None && (written == "content-length" || written == "transfer-encoding"))
      drop_line(name, value);
    return error;
  });
}

SendError ResponseWriter::end_informational() {
  return or_abandoned([&] {
    out_->append("\r\n");
    if (request_.minor_version == 0) abandon_head();  // RFC 9110 section 15.2
    out_ = nullptr;
    return SendError::None;
  });
}

ResponseWriter::Piece ResponseWriter::begin_external_body(base::PayloadQueue& out,
                                                          std::size_t size) {
  const Piece piece = admit(size, false);
  sent_bytes_ += piece.size;
  if (piece.size > 0 && framing_ == BodyFraming::Chunked) {
    begin_chunk(out, piece.size);
    chunk_open_ = true;
  }
  if (piece.error != SendError::None) keep_alive_ = false;
  return piece;
}

void ResponseWriter::end_external_body(base::PayloadQueue& out) {
  if (std::exchange(chunk_open_, false)) out.append("\r\n");
  if (framing_ == BodyFraming::Chunked) out.append("0\r\n\r\n");
}

SendError ResponseWriter::begin_trailers(base::PayloadQueue& out) {
  out_ = &out;
  head_begin_ = out.size();
  return or_abandoned([&] {
    if (!trailers_begun_) out.append("0\r\n");
    return SendError::None;
  });
}

SendError ResponseWriter::add_trailer(base::ByteView name, base::ByteView value) {
  return or_abandoned([&] {
    base::ByteView written;
    const SendError error = write_line(name, value, written);
    if (error != SendError::None || may_be_response_trailer(written)) return error;
    return abandoned(SendError::IllegalTrailer);
  });
}

SendError ResponseWriter::end_trailers(bool more) {
  return or_abandoned([&] {
    if (!more) out_->append("\r\n");
    trailers_begun_ = true;
    out_ = nullptr;
    return SendError::None;
  });
}

}  // namespace fasterapi::http
