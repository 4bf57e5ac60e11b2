// base/percent.cpp: see percent.hpp.
#include "base/percent.hpp"

#include <array>

namespace fasterapi::base {
namespace {

constexpr auto kUnreserved = [] {
  std::array<bool, 256> table{};
  for (const char c :
       ByteView("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~/")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

std::string percent_decode(ByteView text) {
  std::string decoded(text.size(), '\0');
  decoded.resize(percent_decode(text, decoded.data()));
  return decoded;
}

std::size_t percent_decode(ByteView text, char* to) noexcept {
  char* end = to;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] == '%' && index + 2 < text.size()) {
      const int high = hex_digit(text[index + 1]);
      const int low = hex_digit(text[index + 2]);
      if (high >= 0 && low >= 0) {
        *end++ = static_cast<char>(high * 16 + low);
        index += 2;
        continue;
      }
    }
    *end++ = text[index];
  }
  return static_cast<std::size_t>(end - to);
}

void percent_encode(ByteView text, std::string& to) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kUnreserved[byte]) {
      to.push_back(c);
    } else {
      to.push_back('%');
      to.push_back(kDigits[byte >> 4]);
      to.push_back(kDigits[byte & 15]);
    }
  }
}

}  // namespace fasterapi::base
