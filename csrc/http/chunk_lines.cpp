// http/chunk_lines.cpp: see chunk_lines.hpp.
#include "http/chunk_lines.hpp"

#include <algorithm>

namespace fasterapi::http {

ChunkLines::Verdict ChunkLines::check_extensions(std::size_t end,
                                                 std::size_t limit_bytes) noexcept {
  line_end_ = end;
  if (extension_bytes_ + end - digits_end_ > limit_bytes)
    return ProtocolError::ChunkExtensionsTooLarge;
  return std::nullopt;
}

ChunkLines::Verdict ChunkLines::add_name(base::ByteView part, std::size_t offset,
                                         std::size_t limit_bytes) noexcept {
  if (digits_end_ == 0) {
    digits_end_ = offset - 1;  // before it stands the semicolon
    if (const Verdict verdict = check_digits(digits_end_)) return verdict;
  }
  part_bytes_ += part.size();
  return check_extensions(offset + part.size(), limit_bytes);
}

ChunkLines::Verdict ChunkLines::add_value(base::ByteView part, std::size_t offset,
                                          std::size_t limit_bytes) noexcept {
  if (part.empty()) return std::nullopt;
  if (part_bytes_ == 0) quoted_ = part.front() == '"';
  // llhttp also takes a token that goes on as a quoted string.
  if (const std::size_t quote = part.find('"'); !quoted_ && quote != base::ByteView::npos)
    return check_extensions(offset + quote, limit_bytes).value_or(ProtocolError::MalformedRequest);
  part_bytes_ += part.size();
  return check_extensions(offset + part.size(), limit_bytes);
}

ProtocolError ChunkLines::mistake_at(base::ByteView read, std::size_t offset,
                                     std::size_t limit_bytes) const noexcept {
  if (place_ != Place::InLine || offset < line_begin_) return ProtocolError::MalformedRequest;
  std::size_t digits_end = digits_end_;
  if (digits_end == 0) {
    const base::ByteView line =
        read.substr(read.size() - std::min(read.size(), offset - line_begin_));
    const std::size_t semicolon = line.find(';');
    if (semicolon == base::ByteView::npos) return ProtocolError::MalformedRequest;
    digits_end = offset - line.size() + semicolon;
    if (digits_end > line_begin_ + kMostDigits) return ProtocolError::MalformedRequest;
  }
  return extension_bytes_ + offset - digits_end > limit_bytes
             ? ProtocolError::ChunkExtensionsTooLarge
             : ProtocolError::MalformedRequest;
}

// llhttp takes an empty name or value too, as in ";;" and "a=".
ChunkLines::Verdict ChunkLines::end_name_or_value() noexcept {
  const bool empty = part_bytes_ == 0;
  part_bytes_ = 0;
  if (empty) return ProtocolError::MalformedRequest;
  return std::nullopt;
}

}  // namespace fasterapi::http
