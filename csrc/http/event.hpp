// http/event.hpp: what a connection's peer said: a request head, chunks of its body, its end (RFC
// 9112 section 2.1). A RequestHead owns its bytes in one string and is reused from request to
// request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "http/error.hpp"
#include "http/field_ranges.hpp"

namespace fasterapi::http {

class RequestHead {
 public:
  struct Field {
    base::ByteView name;  // lower-case
    base::ByteView value;
  };

  [[nodiscard]] base::ByteView method() const noexcept { return method_; }
  [[nodiscard]] base::ByteView target() const noexcept { return at(target_); }
  // The target without query and, in absolute-form, without scheme and authority; undecoded. "*"
  // for OPTIONS *.
  [[nodiscard]] base::ByteView raw_path() const noexcept { return at(path_); }
  [[nodiscard]] base::ByteView query() const noexcept { return at(query_); }
  [[nodiscard]] int minor_version() const noexcept { return minor_version_; }

  [[nodiscard]] std::size_t field_count() const noexcept { return fields_.size(); }
  [[nodiscard]] Field field(std::size_t index) const noexcept {
    const FieldRange& field = fields_.all()[index];
    return {at(field.name), at(field.value())};
  }

  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept {
    return content_length_;
  }
  [[nodiscard]] bool chunked() const noexcept { return chunked_; }
  [[nodiscard]] bool has_body() const noexcept {
    return chunked_ || content_length_.value_or(0) > 0;
  }
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] bool expect_continue() const noexcept { return expect_continue_; }
  // Both Upgrade and Connection: upgrade are there (RFC 9110 section 7.8).
  [[nodiscard]] bool upgrade() const noexcept { return upgrade_; }
  [[nodiscard]] bool is_head() const noexcept { return method_ == "HEAD"; }
  // X-Forwarded-For or X-Forwarded-Proto is there.
  [[nodiscard]] bool forwarded() const noexcept { return forwarded_; }

  // Which of http/known_heads it is, never twice the same; 0: none.
  [[nodiscard]] std::uint64_t known_id() const noexcept { return known_id_; }

 private:
  friend class RequestParser;  // fills it
  friend class KnownHeads;
  void assign(const RequestHead& other);

  [[nodiscard]] base::ByteView at(Range range) const noexcept {
    return base::ByteView(bytes_).substr(range.begin, range.size);
  }

  std::string bytes_;
  FieldRanges fields_;
  base::ByteView method_;  // static text
  Range target_;
  Range path_;
  Range query_;
  std::optional<std::uint64_t> content_length_;
  int minor_version_ = 1;
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool expect_continue_ = false;
  bool upgrade_ = false;
  bool forwarded_ = false;
  std::uint64_t known_id_ = 0;
};

enum class EventKind : std::uint8_t {
  NeedData,      // give receive() more
  Paused,        // the message is complete; the next waits for start_next_cycle()
  RequestHead,   // Connection::head() is complete
  BodyChunk,     // `body`, valid until the next call
  EndOfMessage,  // no more body
  Error,         // `error`; nothing comes after it
};

struct Event {
  EventKind kind = EventKind::NeedData;
  base::ByteView body = {};
  ProtocolError error = {};
};

}  // namespace fasterapi::http
