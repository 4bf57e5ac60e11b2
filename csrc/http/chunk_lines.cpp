// http/chunk_lines.cpp: see chunk_lines.hpp.
#include "http/chunk_lines.hpp"

namespace fasterapi::http {

ChunkLines::Verdict ChunkLines::add_name(base::ByteView part, std::size_t offset,
                                         std::size_t limit_bytes) noexcept {
  if (digits_end_ == 0) digits_end_ = offset - 1;  // before it stands the semicolon
  part_bytes_ += part.size();
  extension_bytes_ += part.size();
  if (extension_bytes_ > limit_bytes) return ProtocolError::ChunkExtensionsTooLarge;
  return std::nullopt;
}

ChunkLines::Verdict ChunkLines::add_value(base::ByteView part, std::size_t limit_bytes) noexcept {
  if (part.empty()) return std::nullopt;
  if (part_bytes_ == 0) quoted_ = part.front() == '"';
  // llhttp also takes a token that goes on as a quoted string.
  if (!quoted_ && part.find('"') != base::ByteView::npos) return ProtocolError::MalformedRequest;
  part_bytes_ += part.size();
  extension_bytes_ += part.size();
  if (extension_bytes_ > limit_bytes) return ProtocolError::ChunkExtensionsTooLarge;
  return std::nullopt;
}

// llhttp takes an empty name or value too, as in ";;" and "a=".
ChunkLines::Verdict ChunkLines::end_name_or_value() noexcept {
  const bool empty = part_bytes_ == 0;
  part_bytes_ = 0;
  if (empty) return ProtocolError::MalformedRequest;
  return std::nullopt;
}

}  // namespace fasterapi::http
