// http/request_parser.hpp: bytes of a connection to request events, by llhttp (RFC 9112). The only
// user of llhttp.h. No callback leaves this class: the caller pulls. One parser per connection.
#pragma once

#include <llhttp.h>

#include <new>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "http/chunk_lines.hpp"
#include "http/event.hpp"
#include "http/known_heads.hpp"
#include "http/trailers.hpp"

namespace fasterapi::http {

class RequestParser {
 public:
  // `known` may be null; it outlives the parser.
  explicit RequestParser(const base::Limits& limits, KnownHeads* known = nullptr) noexcept;
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Parses up to the end of `bytes` or of the message, or less; returns how many bytes were used.
  // What was found is then in take_head(), take_body(), take_end() and error(), to be asked in this
  // order before the next call.
  [[nodiscard]] std::size_t parse(base::ByteView bytes) noexcept;

  [[nodiscard]] bool take_head() noexcept { return std::exchange(head_ready_, false); }
  // Body bytes of the last parse(); views of its input, or of a copy where chunks were joined.
  [[nodiscard]] base::ByteView take_body() noexcept { return std::exchange(body_, {}); }
  [[nodiscard]] bool take_end() noexcept { return std::exchange(end_ready_, false); }
  [[nodiscard]] std::optional<ProtocolError> error() const noexcept { return error_; }

  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }

  // Says that a request like the one that is complete may come again. Heeded while the input of the
  // last parse() is there and if that held all of it.
  void offer_head() {
    const bool plain = !head_.has_body() && !head_.expect_continue() && !head_.upgrade();
    if (known_ && plain && !whole_.empty() && head_.known_id() == 0) known_->offer(whole_, head_);
  }
  // The input of the last parse() is gone.
  void forget_input() noexcept { whole_ = {}; }

  // Nothing of a next message has been seen.
  [[nodiscard]] bool at_message_start() const noexcept { return !in_message_; }

  // Begins the next message of the connection. REQUIRES: take_end() was true.
  void start_next_message() noexcept;

  // Memory of earlier messages is kept for later ones. REQUIRES for the release:
  // at_message_start().
  [[nodiscard]] bool holds_spare_memory() const noexcept;
  void release_spare_memory() noexcept;

 private:
  enum class Stage : std::uint8_t {
    EmptyLines,     // before the request line
    UnknownMethod,  // in a method that llhttp does not know
    Head,
    Body,  // and trailers: counted, not kept
  };

  static constexpr std::size_t kLineBreak = 2;  // CR LF

  // The noexcept door for llhttp's callbacks: only bad_alloc can fly, and it ends the message as a
  // parse error.
  template <class Call>
  static int entry(Call&& call) noexcept {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      return HPE_USER;
    }
  }

  static const llhttp_settings_t& head_callbacks() noexcept;
  static const llhttp_settings_t& body_callbacks() noexcept;
  static void set_chunk_callbacks(llhttp_settings_t& table) noexcept;
  static void set_trailer_callbacks(llhttp_settings_t& table) noexcept;
  static int on_message_complete(llhttp_t* parser) noexcept {
    self(parser).end_ready_ = true;
    return HPE_PAUSED;
  }
  static RequestParser& self(llhttp_t* parser) noexcept {
    return *static_cast<RequestParser*>(parser->data);
  }

  void call_for(const llhttp_settings_t& callbacks) noexcept;
  [[nodiscard]] std::size_t take_known(base::ByteView bytes) noexcept;
  [[nodiscard]] std::size_t skip_empty_lines(base::ByteView bytes) noexcept;
  [[nodiscard]] std::size_t skip_method(base::ByteView bytes) noexcept;
  [[nodiscard]] std::size_t execute(base::ByteView bytes) noexcept;

  int on_protocol(base::ByteView bytes) noexcept;
  int on_target(base::ByteView bytes) noexcept;
  int on_target_complete() noexcept;
  int on_field_name(const char* at, std::size_t size) noexcept;
  int on_field_value(const char* at, std::size_t size) noexcept;
  int make_room_for_name(const char* at, std::size_t size) noexcept;
  int on_headers_complete();
  int on_chunk_header() noexcept;
  int on_body(base::ByteView bytes);

  int refuse(std::optional<ProtocolError> error) noexcept;
  [[nodiscard]] std::optional<ProtocolError> check_line() noexcept;
  [[nodiscard]] std::optional<ProtocolError> check_fields() noexcept;
  [[nodiscard]] std::optional<ProtocolError> resume() noexcept;
  [[nodiscard]] std::optional<ProtocolError> check_chunked(base::ByteView read) noexcept;
  [[nodiscard]] ProtocolError mistake_at(llhttp_errno_t status, base::ByteView bytes,
                                         std::size_t position) const noexcept;
  [[nodiscard]] std::size_t line_begin(base::ByteView read) const noexcept;
  [[nodiscard]] bool is_one_too_many(std::size_t begin, std::size_t end) const noexcept;
  void begin_target(std::size_t offset) noexcept;
  void keep_head(base::ByteView bytes) { head_.bytes_.append(bytes); }
  void note_field(std::size_t index) noexcept;
  [[nodiscard]] bool check_host() noexcept;
  void clear_head() noexcept;

  // Where in the message a byte of the input stands.
  [[nodiscard]] std::size_t offset_of(const char* at) const noexcept {
    return offset_ + static_cast<std::size_t>(at - input_);
  }
  // Where in head_'s bytes, the message from its method on, a byte of the input will stand.
  [[nodiscard]] std::uint32_t place_of(const char* at) const noexcept {
    return address_of(at) - head_at_;
  }
  // Its lower half: a head is shorter than that.
  static std::uint32_t address_of(const char* at) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(at));
  }
  [[nodiscard]] std::size_t offset_of_place(std::uint32_t place) const noexcept {
    return seen_.head_begin + place;
  }

  // What has been seen of the message. Offsets tell what llhttp has skipped in between; they are 0
  // where nothing has been seen yet.
  struct Seen {
    std::size_t head_begin = 0;  // of what is kept of it
    std::size_t method_begin = 0;
    std::size_t method_end = 0;
    std::size_t target_begin = 0;
    std::size_t target_end = 0;
    std::size_t protocol_begin = 0;
    std::uint64_t chunk_bytes = 0;  // of all chunks
    std::uint64_t chunk_size = 0;
    std::size_t host_index = 0;
    Range authority;  // of an absolute target
    int host_fields = 0;
    int transfer_encoding_fields = 0;
    bool in_name = false;  // of the last field
    bool unknown_method = false;
    bool unknown_expectation = false;
    bool blank_behind_encoding = false;
    bool malformed_length = false;
    bool chunks = false;
    bool body_too_large = false;
    bool chunk_data = false;  // the first byte of the current chunk
  };

  const base::Limits& limits_;
  KnownHeads* const known_;
  base::ByteView whole_;  // the message, where one call of parse() has seen all of it
  llhttp_t parser_;
  RequestHead head_;
  base::ByteView body_;
  std::string joined_body_;
  base::ByteView transfer_encoding_;
  const char* input_ = nullptr;
  std::size_t offset_ = 0;     // of the input, in the message
  std::uint32_t head_at_ = 0;  // where the head would begin if it lay before the input
  Seen seen_;
  ChunkLines chunk_lines_;
  Trailers trailers_;
  std::optional<ProtocolError> error_;
  Stage stage_ = Stage::EmptyLines;
  bool in_message_ = false;
  bool head_ready_ = false;
  bool end_ready_ = false;
};

}  // namespace fasterapi::http
