// tests/cpp/support/text.cpp: see text.hpp.
#include "text.hpp"

#include <array>
#include <cstdio>
#include <stdexcept>

namespace fasterapi::support {
namespace {

constexpr std::string_view kLetters = "rnt\\\"";
constexpr std::string_view kMeanings = "\r\n\t\\\"";
constexpr std::string_view kRepeat = "repeat{";

// Reads the escape behind a backslash, removes it from `rest` and appends what it stands for.
void append_escape(std::string& bytes, std::string_view& rest) {
  const std::size_t known = rest.empty() ? std::string_view::npos : kLetters.find(rest.front());
  if (rest.starts_with(kRepeat)) {  // \repeat{COUNT}{TEXT}
    const std::size_t middle = rest.find("}{");
    const std::size_t end = rest.find('}', middle + 2);
    if (end == std::string_view::npos) throw std::invalid_argument("\\repeat without its end");
    const int count = std::stoi(std::string(rest.substr(kRepeat.size(), middle - kRepeat.size())));
    const std::string text = bytes_of_block(rest.substr(middle + 2, end - middle - 2));
    for (int times = 0; times < count; ++times) bytes += text;
    rest.remove_prefix(end + 1);
  } else if (rest.starts_with("x")) {
    bytes += static_cast<char>(std::stoi(std::string(rest.substr(1, 2)), nullptr, 16));
    rest.remove_prefix(3);
  } else if (known != std::string_view::npos) {
    bytes += kMeanings[known];
    rest.remove_prefix(1);
  } else {
    throw std::invalid_argument("unknown escape: \\" + std::string(rest.substr(0, 10)));
  }
}

}  // namespace

std::string readable(std::string_view bytes) {
  constexpr std::size_t kMost = 200;
  if (bytes.size() > kMost) return "(" + std::to_string(bytes.size()) + " bytes)";
  std::string text;
  for (const char c : bytes) {
    if (const std::size_t known = kMeanings.find(c); known != std::string_view::npos) {
      text += '\\';
      text += kLetters[known];
    } else if (c < ' ' || c > '~') {
      std::array<char, 5> escape;
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(c));
      text += escape.data();
    } else {
      text += c;
    }
  }
  return text;
}

std::string bytes_of_block(std::string_view block) {
  std::string bytes;
  while (!block.empty()) {
    const char c = block.front();
    block.remove_prefix(1);
    if (c == '\n') {
      bytes += "\r\n";
    } else if (c != '\\') {
      bytes += c;
    } else if (block.starts_with('\n')) {  // a backslash at the end of a line: no line break
      block.remove_prefix(1);
    } else {
      append_escape(bytes, block);
    }
  }
  return bytes;
}

std::string numbered(std::size_t bytes) {
  std::string text;
  for (int number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

}  // namespace fasterapi::support
