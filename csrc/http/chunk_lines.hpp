// http/chunk_lines.hpp: the lines between the data of a chunked body (RFC 9112 section 7.1), as
// far as llhttp leaves them to its user: how many digits a size may have, and what an extension may
// be. Fed with offsets within the message; keeps no bytes. One per parser.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "http/error.hpp"

namespace fasterapi::http {

class ChunkLines {
 public:
  using Verdict = std::optional<ProtocolError>;

  // The body begins here, with a size.
  void begin_body(std::size_t offset) noexcept {
    begin_line(offset);
    extension_bytes_ = 0;
    part_bytes_ = 0;
  }
  // The data of a chunk ends before `offset`, where the next size begins.
  void begin_line(std::size_t offset) noexcept {
    if (digits_end_ != 0) extension_bytes_ += line_end_ - digits_end_;
    line_begin_ = offset;
    digits_end_ = 0;
    place_ = Place::InLine;
  }

  // A part of an extension's name or value, and the end of each.
  [[nodiscard]] Verdict add_name(base::ByteView part, std::size_t offset,
                                 std::size_t limit_bytes) noexcept;
  [[nodiscard]] Verdict add_value(base::ByteView part, std::size_t offset,
                                  std::size_t limit_bytes) noexcept;
  [[nodiscard]] Verdict end_name_or_value() noexcept;

  // What is wrong with a line that was refused before `offset`. `read` is what was read of it or
  // more, and ends there.
  [[nodiscard]] ProtocolError mistake_at(base::ByteView read, std::size_t offset,
                                         std::size_t limit_bytes) const noexcept;

  // The line has been read; where it ended is seen from what comes next.
  void end_line() noexcept { place_ = Place::BehindLine; }
  // It was that of the last chunk.
  void end_body() noexcept { place_ = Place::BehindBody; }
  // The line's bytes, without its line break, ended at `offset`.
  [[nodiscard]] Verdict check_digits(std::size_t offset) const noexcept {
    const std::size_t end = digits_end_ != 0 ? digits_end_ : offset;
    if (end > line_begin_ + kMostDigits) return ProtocolError::MalformedRequest;
    return std::nullopt;
  }
  // All bytes before `offset` have been read, the last of them in `read`, and none of the data
  // behind the line.
  [[nodiscard]] Verdict check_open_line(base::ByteView read, std::size_t offset) noexcept {
    if (place_ == Place::BehindBody) return std::nullopt;
    const bool in_line = place_ == Place::InLine && offset > line_begin_;
    if (in_line && digits_end_ == 0 && read.ends_with(';')) {  // no callback tells
      digits_end_ = offset - 1;
      line_end_ = offset;
    }
    // A line that goes on has perhaps its CR already.
    return check_digits(offset - (place_ == Place::InLine ? 1 : 2));
  }

 private:
  enum class Place : std::uint8_t { InLine, BehindLine, BehindBody };

  [[nodiscard]] Verdict check_extensions(std::size_t end, std::size_t limit_bytes) noexcept;

  static constexpr std::size_t kMostDigits = 16;  // of 64 bits; any more are zeros

  std::size_t line_begin_ = 0;
  std::size_t digits_end_ = 0;       // where the line's first extension begins; 0: it has none
  std::size_t line_end_ = 0;         // of its extensions so far
  std::size_t extension_bytes_ = 0;  // of earlier lines, from their semicolons on
  std::size_t part_bytes_ = 0;       // of the name or value so far
  Place place_ = Place::BehindBody;
  bool quoted_ = false;
};

}  // namespace fasterapi::http
