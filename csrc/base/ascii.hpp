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

// Makes the upper-case letters of eight bytes lower-case.
[[nodiscard]] constexpr std::uint64_t word_to_lower(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  const std::uint64_t low = bytes & (0x7f * kEach);
  const std::uint64_t from_a = low + (0x80 - 'A') * kEach;
  const std::uint64_t behind_z = low + (0x7f - 'Z') * kEach;
  const std::uint64_t upper = (from_a ^ behind_z) & ~bytes & (0x80 * kEach);
  return bytes | (upper >> 2);
}

// Makes all letters lower-case, eight bytes at a time: names of fields are many and short.
inline void make_lower(char* bytes, std::size_t size) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto make_word_lower = [](char* at) {
    std::uint64_t word;
    std::memcpy(&word, at, kWord);
    word = word_to_lower(word);
    std::memcpy(at, &word, kWord);
  };
  if (size < kWord) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = to_lower(bytes[i]);
    return;
  }
  for (std::size_t i = 0; i + kWord < size; i += kWord) make_word_lower(bytes + i);
  make_word_lower(bytes + size - kWord);
}

// Whether the byte may stand in a field value: VCHAR, obs-text, SP and HTAB (RFC 9110 section 5.5).
[[nodiscard]] constexpr bool is_field_value_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
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
