// base/ascii.hpp: case folding and character classes of RFC 9110, without locale.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/bytes.hpp"

namespace fasterapi::base {

namespace detail {
inline constexpr auto kLower = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 256; ++c) table[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return table;
}();
inline constexpr auto kTokenLower =
    [] {  // the lower-case letter of a token character, 0 for every other byte
      std::array<char, 256> table{};
      for (const char c : ByteView("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")) {
        table[static_cast<unsigned char>(c)] = c;
      }
      for (int c = 'A'; c <= 'Z'; ++c) table[c] = static_cast<char>(c + 32);
      return table;
    }();
}  // namespace detail

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return detail::kLower[static_cast<unsigned char>(c)];
}

// The lower-case form of a token character (RFC 9110 section 5.6.2), 0 if it is none.
[[nodiscard]] constexpr char token_to_lower(char c) noexcept {
  return detail::kTokenLower[static_cast<unsigned char>(c)];
}

namespace detail {
using Block = signed char __attribute__((vector_size(16)));  // of GCC and Clang, for any processor

// Of the bytes that `mask` has 0x20 for. All token characters up to 'Z' that are no letters have
// that bit already.
inline void make_token_block_lower(char* at, Block mask) noexcept {
  Block block;
  std::memcpy(&block, at, sizeof block);
  block |= (block <= 'Z') & mask;
  std::memcpy(at, &block, sizeof block);
}

inline constexpr auto kBlockMasks = [] {  // the mask of the first n bytes begins at 16 - n
  std::array<signed char, 2 * sizeof(Block)> bytes{};
  for (std::size_t i = 0; i < sizeof(Block); ++i) bytes[i] = 0x20;
  return bytes;
}();
[[nodiscard]] inline Block block_mask(std::size_t size) noexcept {
  Block mask;
  std::memcpy(&mask, kBlockMasks.data() + sizeof mask - size, sizeof mask);
  return mask;
}
}  // namespace detail

// Makes the letters of a token lower-case, sixteen bytes at a time: names of fields are many and
// short. `room` bytes may be written to, those behind the token as they are. REQUIRES: token
// characters only, size <= room.
inline void make_token_lower(char* bytes, std::size_t size, std::size_t room) noexcept {
  constexpr std::size_t kBlock = sizeof(detail::Block);
  if (size > kBlock) {
    char* const last = bytes + size - kBlock;
    detail::make_token_block_lower(last, detail::block_mask(kBlock));
    for (; bytes < last; bytes += kBlock)
      detail::make_token_block_lower(bytes, detail::block_mask(kBlock));
  } else if (room >= kBlock) {
    detail::make_token_block_lower(bytes, detail::block_mask(size));
  } else {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = token_to_lower(bytes[i]);
  }
}

// Whether the byte may stand in a field value: VCHAR, obs-text, SP and HTAB (RFC 9110 section 5.5).
[[nodiscard]] constexpr bool is_field_value_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// Whether all of the bytes may. Eight at a time: of most values no byte needs a look of its own.
[[nodiscard]] inline bool is_field_value(ByteView value) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101;  // times a byte: that byte eight times
  const auto may_stand = [&](std::size_t begin, std::size_t end) {
    for (; begin < end; ++begin) {
      if (!is_field_value_char(value[begin])) return false;
    }
    return true;
  };
  std::size_t begin = 0;
  for (; begin + 8 <= value.size(); begin += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, value.data() + begin, sizeof bytes);
    // The high bit of each byte below 0x20, and of each 0x7f; of some others, too, beside those.
    const std::uint64_t low = (bytes - kEach * 0x20) & ~bytes;
    const std::uint64_t other = bytes ^ (kEach * 0x7f);
    const std::uint64_t del = (other - kEach) & ~other;
    if (((low | del) & (kEach * 0x80)) != 0 && !may_stand(begin, begin + 8)) return false;
  }
  return may_stand(begin, value.size());
}

[[nodiscard]] constexpr bool is_ows(char c) noexcept { return c == ' ' || c == '\t'; }

// Whether `bytes` equals `lower` but for the case of ASCII letters. REQUIRES: `lower` is
// lower-case.
[[nodiscard]] constexpr bool equals_ignoring_case(ByteView bytes, ByteView lower) noexcept {
  if (bytes.size() != lower.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (to_lower(bytes[i]) != lower[i]) return false;
  }
  return true;
}

[[nodiscard]] constexpr ByteView trim_ows(ByteView bytes) noexcept {
  while (!bytes.empty() && is_ows(bytes.front())) bytes.remove_prefix(1);
  while (!bytes.empty() && is_ows(bytes.back())) bytes.remove_suffix(1);
  return bytes;
}

// Whether the comma-separated list names `lower` (RFC 9110 section 5.6.1).
[[nodiscard]] constexpr bool list_contains(ByteView list, ByteView lower) noexcept {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (equals_ignoring_case(trim_ows(list.substr(0, comma)), lower)) return true;
    if (comma == ByteView::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// 1*DIGIT and nothing else: no sign, no blank, no overflow.
[[nodiscard]] inline std::optional<std::uint64_t> parse_decimal(ByteView digits) noexcept {
  std::uint64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace fasterapi::base
