// http/trailers.hpp: the trailer section of a chunked body (RFC 9112 section 7.1.2): read, held to
// the limits of a head, and dropped. Fed with offsets within the message. One per parser.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "http/error.hpp"

namespace fasterapi::http {

// Whether the field frames or routes a message, says who sends it or what its content is: whoever
// merges trailers into the head would believe it (RFC 9110 section 6.5.1). `name` is lower-case.
[[nodiscard]] bool must_stand_in_head(base::ByteView name) noexcept;

class Trailers {
 public:
  using Verdict = std::optional<ProtocolError>;

  void begin_section(std::size_t offset) noexcept {
    *this = {};
    begin_ = line_begin_ = offset;
  }

  // A part of a field's name or value, and the end of the field.
  [[nodiscard]] Verdict add_name(base::ByteView part, std::size_t offset,
                                 const base::Limits& limits) noexcept;
  [[nodiscard]] Verdict add_value(base::ByteView part, std::size_t offset,
                                  const base::Limits& limits) noexcept;
  [[nodiscard]] Verdict end_field(const base::Limits& limits) noexcept;

  // All bytes before `offset` have been read.
  [[nodiscard]] Verdict check_size(std::size_t offset, const base::Limits& limits) const noexcept {
    if (offset - begin_ > limits.head_bytes) return ProtocolError::HeadTooLarge;
    return std::nullopt;
  }
  // `read` ends before `offset`: where the line begins that is not over there.
  [[nodiscard]] std::size_t line_begin(base::ByteView read, std::size_t offset) const noexcept {
    const std::size_t line = read.rfind('\n');
    return line == base::ByteView::npos ? line_begin_ : offset - (read.size() - line - 1);
  }
  // All of `read` was right.
  void go_on(base::ByteView read, std::size_t offset) noexcept {
    line_begin_ = line_begin(read, offset);
  }

 private:
  [[nodiscard]] Verdict check_field(std::size_t end, const base::Limits& limits) const noexcept;

  std::size_t begin_ = 0;
  std::size_t line_begin_ = 0;  // of what was read before
  std::size_t field_begin_ = 0;
  std::size_t fields_ = 0;
  std::array<char, 32> name_{};  // longer names than any we refuse are cut
  std::uint8_t name_bytes_ = 0;
  bool in_field_ = false;
};

}  // namespace fasterapi::http
