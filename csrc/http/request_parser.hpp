// http/request_parser.hpp: bytes of a connection to request events, by llhttp (RFC 9112). The only
// user of llhttp.h. No callback leaves this class: the caller pulls. One parser per connection.
#pragma once

#include <llhttp.h>

#include <optional>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "http/event.hpp"

namespace fasterapi::http {

class RequestParser {
 public:
  explicit RequestParser(const base::Limits& limits) noexcept;
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Parses up to the end of `bytes` or of the message; returns how many bytes were used. What was
  // found is then in take_head(), take_body(), take_end() and error(), to be asked in this order
  // before the next call.
  [[nodiscard]] std::size_t parse(base::ByteView bytes) noexcept;

  [[nodiscard]] bool take_head() noexcept { return std::exchange(head_ready_, false); }
  // Body bytes of the last parse(); views of its input, or of a copy where chunks were joined.
  [[nodiscard]] base::ByteView take_body() noexcept { return std::exchange(body_, {}); }
  [[nodiscard]] bool take_end() noexcept { return std::exchange(end_ready_, false); }
  [[nodiscard]] std::optional<ProtocolError> error() const noexcept { return error_; }

  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }

  // Nothing of a next message has been seen.
  [[nodiscard]] bool at_message_start() const noexcept { return !in_message_; }

  // Begins the next message of the connection. REQUIRES: take_end() was true.
  void start_next_message() noexcept;

 private:
  enum class FieldPart : std::uint8_t { None, Name, Value };

  static const llhttp_settings_t& settings() noexcept;
  static RequestParser& self(llhttp_t* parser) noexcept {
    return *static_cast<RequestParser*>(parser->data);
  }

  int on_protocol(base::ByteView bytes) noexcept;
  int on_target(base::ByteView bytes);
  int on_field_name(base::ByteView bytes);
  int on_field_value(base::ByteView bytes);
  int on_field_complete() noexcept;
  int on_headers_complete();
  void on_body(base::ByteView bytes);
  int on_message_complete() noexcept;

  int refuse(ProtocolError error) noexcept;
  int count_trailer(std::size_t bytes) noexcept;
  [[nodiscard]] std::optional<ProtocolError> finish_head();
  [[nodiscard]] bool split_target() noexcept;
  void note_field(base::ByteView name, base::ByteView value) noexcept;
  void clear_head() noexcept;

  const base::Limits& limits_;
  llhttp_t parser_;
  RequestHead head_;
  base::ByteView body_;
  std::string joined_body_;
  base::ByteView transfer_encoding_;
  std::size_t head_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::optional<ProtocolError> error_;
  int host_fields_ = 0;
  int transfer_encoding_fields_ = 0;
  FieldPart part_ = FieldPart::None;
  bool in_message_ = false;
  bool in_body_ = false;  // fields from here on are trailers: counted, not kept
  bool stop_after_head_ =
      false;  // the input may hold more than a head may have: its end has to be known
  bool head_ready_ = false;
  bool end_ready_ = false;
};

}  // namespace fasterapi::http
