// http/authority.cpp: see authority.hpp.
#include "http/authority.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.hpp"

namespace fasterapi::http {
namespace {

using base::ByteView;

constexpr std::uint32_t kLastPort = 65535;
constexpr int kGroups = 8;  // of 16 bits in an IPv6 address

// unreserved and sub-delims (RFC 3986 section 2) without the comma: a list of hosts is none.
constexpr auto kRegName = [] {
  std::array<bool, 256> table{};
  for (const char c : ByteView("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "-._~!$&'()*+;=")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_reg_name_char(char c) noexcept { return kRegName[static_cast<unsigned char>(c)]; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex(char c) noexcept {
  const char lower = base::to_lower(c);
  return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

bool is_port(ByteView digits) noexcept {
  std::uint32_t port = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return false;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
    if (port > kLastPort) return false;
  }
  return true;
}

// How many bytes at the beginning are a reg-name, which an IPv4 address is too.
std::size_t reg_name_size(ByteView bytes) noexcept {
  std::size_t size = 0;
  while (size < bytes.size()) {
    if (is_reg_name_char(bytes[size])) {
      ++size;
    } else if (bytes[size] == '%' && size + 2 < bytes.size() && is_hex(bytes[size + 1]) &&
               is_hex(bytes[size + 2])) {
      size += 3;
    } else {
      break;
    }
  }
  return size;
}

bool is_ipv4(ByteView bytes) noexcept {
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (bytes.empty() || bytes.front() != '.') return false;
      bytes.remove_prefix(1);
    }
    std::size_t size = 0;
    int value = 0;
    while (size < bytes.size() && size < 3 && is_digit(bytes[size]))
      value = value * 10 + (bytes[size++] - '0');
    if (size == 0 || value > 255 || (size > 1 && bytes.front() == '0')) return false;
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

// Groups of up to four digits between colons; the last two may be an IPv4 address. -1 if malformed.
int count_groups(ByteView bytes, bool ipv4_may_end) noexcept {
  int groups = 0;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.find(':'), bytes.size());
    const ByteView group = bytes.substr(0, size);
    if (size == bytes.size() && ipv4_may_end && is_ipv4(group)) return groups + 2;
    if (size < 1 || size > 4 || !std::all_of(group.begin(), group.end(), is_hex)) return -1;
    ++groups;
    if (size == bytes.size()) break;
    bytes.remove_prefix(size + 1);
    if (bytes.empty()) return -1;  // a colon ends it
  }
  return groups;
}

bool is_ipv6(ByteView bytes) noexcept {
  const std::size_t gap = bytes.find("::");
  if (gap == ByteView::npos) return count_groups(bytes, true) == kGroups;
  const int before = count_groups(bytes.substr(0, gap), false);
  const int behind = count_groups(bytes.substr(gap + 2), true);
  return before >= 0 && behind >= 0 && before + behind < kGroups;
}

// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool is_ipv_future(ByteView bytes) noexcept {
  if (bytes.empty() || base::to_lower(bytes.front()) != 'v') return false;
  const std::size_t dot = bytes.find('.');
  if (dot == ByteView::npos || dot < 2 || dot + 1 == bytes.size()) return false;
  const ByteView version = bytes.substr(1, dot - 1);
  const ByteView address = bytes.substr(dot + 1);
  return std::all_of(version.begin(), version.end(), is_hex) &&
         std::all_of(address.begin(), address.end(),
                     [](char c) { return c == ':' || is_reg_name_char(c); });
}

}  // namespace

bool is_authority(ByteView bytes) noexcept {
  std::size_t size = 0;
  if (!bytes.empty() && bytes.front() == '[') {
    const std::size_t end = bytes.find(']');
    if (end == ByteView::npos) return false;
    const ByteView address = bytes.substr(1, end - 1);
    if (!is_ipv6(address) && !is_ipv_future(address)) return false;
    size = end + 1;
  } else {
    size = reg_name_size(bytes);
    if (size == 0) return false;
  }
  if (size == bytes.size()) return true;
  return bytes[size] == ':' && is_port(bytes.substr(size + 1));
}

}  // namespace fasterapi::http
