// http/request_parser_callbacks.cpp: what llhttp calls; see request_parser.hpp.
#include <algorithm>
#include <utility>

#include "http/request_parser.hpp"

namespace fasterapi::http {
namespace {

// No chunk ends there, and no offset overflows behind it.
constexpr std::uint64_t kEndless = std::uint64_t{1} << 62;

// llhttp reads these for RTSP and the preface of HTTP/2; on HTTP/1.1 they are no methods of ours.
bool is_foreign(std::uint8_t method) noexcept { return method >= HTTP_PRI && method <= HTTP_FLUSH; }

}  // namespace

// Not a branch in each callback: there are two per field.
void RequestParser::call_for(const llhttp_settings_t& callbacks) noexcept {
  parser_.settings = const_cast<llhttp_settings_t*>(&callbacks);
}

const llhttp_settings_t& RequestParser::head_callbacks() noexcept {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t table;
    llhttp_settings_init(&table);
    table.on_protocol = [](llhttp_t* p, const char* at, size_t size) {
      return self(p).on_protocol({at, size});
    };
    table.on_url = [](llhttp_t* p, const char* at, size_t size) {
      return self(p).on_target({at, size});
    };
    table.on_url_complete = [](llhttp_t* p) { return self(p).on_target_complete(); };
    table.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
      return self(p).on_field_name(at, size);
    };
    table.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
      return self(p).on_field_value(at, size);
    };
    table.on_headers_complete = [](llhttp_t* p) {
      return entry([&] { return self(p).on_headers_complete(); });
    };
    table.on_message_complete = on_message_complete;
    return table;
  }();
  return made;
}

const llhttp_settings_t& RequestParser::body_callbacks() noexcept {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t table;
    llhttp_settings_init(&table);
    table.on_body = [](llhttp_t* p, const char* at, size_t size) {
      return entry([&] { return self(p).on_body({at, size}); });
    };
    table.on_message_complete = on_message_complete;
    set_chunk_callbacks(table);
    set_trailer_callbacks(table);
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

void RequestParser::set_trailer_callbacks(llhttp_settings_t& table) noexcept {
  table.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
    RequestParser& me = self(p);
    return me.refuse(me.trailers_.add_name({at, size}, me.offset_of(at), me.limits_));
  };
  table.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
    RequestParser& me = self(p);
    return me.refuse(me.trailers_.add_value({at, size}, me.offset_of(at), me.limits_));
  };
  table.on_header_value_complete = [](llhttp_t* p) {
    return self(p).refuse(self(p).trailers_.end_field(self(p).limits_));
  };
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
  if (head_.target_.size == 0) {
    begin_target(offset);
    head_.target_.begin = place_of(bytes.data());
  }
  seen_.target_end = offset + bytes.size();
  head_.target_.size = static_cast<std::uint32_t>(seen_.target_end - seen_.target_begin);
  return 0;
}

// Not before: whether it is one at all is known by now.
int RequestParser::on_target_complete() noexcept {
  return head_.target_.size > limits_.target_bytes ? refuse(ProtocolError::TargetTooLong) : 0;
}

// A name and a value tell only where they stand: all else waits for check_fields(), which goes over
// them once. A name that is too long is told by its value, or by the end of what a head may have.
int RequestParser::on_field_name(const char* at, std::size_t size) noexcept {
  if (seen_.in_name) {
    head_.fields_.last().name.size += static_cast<std::uint32_t>(size);
    return 0;
  }
  if (head_.fields_.is_full()) return make_room_for_name(at, size);
  seen_.in_name = true;
  head_.fields_.add().name = {place_of(at), static_cast<std::uint32_t>(size)};
  return 0;
}

int RequestParser::make_room_for_name(const char* at, std::size_t size) noexcept {
  if (head_.fields_.size() >= limits_.head_fields) return refuse(ProtocolError::HeadTooLarge);
  return entry([&] {
    head_.fields_.grow(limits_.head_fields);
    return on_field_name(at, size);
  });
}

int RequestParser::on_field_value(const char* at, std::size_t size) noexcept {
  FieldRange& field = head_.fields_.last();
  std::uint32_t begin = place_of(at);
  if (seen_.in_name) {
    seen_.in_name = false;
    if (size == 0)
      begin = field.name.begin + field.name.size;  // not behind the line, as llhttp says
    field.value_begin = begin;
  }
  field.value_end = begin + static_cast<std::uint32_t>(size);
  return field.value_end - field.name.begin > limits_.field_bytes
             ? refuse(ProtocolError::HeadTooLarge)
             : 0;
}

int RequestParser::on_headers_complete() {
  // The head is kept as it came, in one piece; its ranges were noted on the way.
  const std::size_t end = head_.fields_.size() == 0
                              ? seen_.target_end
                              : offset_of_place(head_.fields_.last().value_end);
  if (end > offset_) keep_head({input_, end - offset_});
  auto error = check_line();
  if (!error) error = check_fields();
  if (error) return refuse(error);
  // An upgrade that we do not perform is ignored (RFC 9110 section 7.8): llhttp shall go on with
  // HTTP behind it.
  head_.upgrade_ = std::exchange(parser_.upgrade, 0) != 0 && head_.minor_version_ >= 1;
  stage_ = Stage::Body;
  call_for(body_callbacks());
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
