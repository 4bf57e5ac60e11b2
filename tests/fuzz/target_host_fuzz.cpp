// tests/fuzz/target_host_fuzz.cpp: a request that is taken has a target and a Host that a plain
// reading of RFC 9112 section 3.2 and RFC 3986 allows, taken apart as it says; and a request that
// is plainly good is taken. The input is a request.
#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/connection.hpp"

namespace http = fasterapi::http;

namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHex = "0123456789abcdefABCDEF";
constexpr std::string_view kMarks = "-._~!$&'()*+;=";  // unreserved and sub-delims, no comma

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool consists_of(std::string_view text, std::initializer_list<std::string_view> sets) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::any_of(sets.begin(), sets.end(),
                       [&](std::string_view set) { return set.find(c) != std::string_view::npos; });
  });
}

// As the C library reads it.
bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return text.find('\0') == std::string_view::npos &&
         inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_ipv_future(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && dot >= 2 && (text[0] == 'v' || text[0] == 'V') &&
         consists_of(text.substr(1, dot - 1), {kHex}) && dot + 1 < text.size() &&
         consists_of(text.substr(dot + 1), {kLetters, kDigits, kMarks, ":"});
}

bool is_reg_name(std::string_view text) {
  std::string plain;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] != '%') {
      plain += text[index];
    } else if (index + 2 < text.size() && consists_of(text.substr(index + 1, 2), {kHex})) {
      index += 2;
    } else {
      return false;
    }
  }
  return !text.empty() && consists_of(plain, {kLetters, kDigits, kMarks});
}

bool is_port(std::string_view text) {
  if (!consists_of(text, {kDigits})) return false;
  const auto first = std::min(text.find_first_not_of('0'), text.size());
  const std::string_view digits = text.substr(first);
  return digits.size() < 5 || (digits.size() == 5 && digits <= "65535");
}

bool is_authority(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view inside = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    return (is_ipv6(inside) || is_ipv_future(inside)) &&
           (rest.empty() || (rest[0] == ':' && is_port(rest.substr(1))));
  }
  const auto colon = text.find(':');
  if (!is_reg_name(text.substr(0, colon))) return false;
  return colon == std::string_view::npos || is_port(text.substr(colon + 1));
}

struct Target {
  std::string path;
  std::string query;
};

std::optional<Target> read_target(std::string_view text, bool is_options) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable || text.find_first_of("#\\") != std::string_view::npos) return std::nullopt;
  if (text == "*" && is_options) return Target{"*", ""};
  std::string_view rest = text;
  bool absolute = false;
  if (!text.starts_with('/')) {
    const auto colon = std::min(text.find("://"), text.size());
    std::string scheme(text.substr(0, colon));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](char c) { return static_cast<char>(std::tolower(c)); });
    if (colon == text.size() || (scheme != "http" && scheme != "https")) return std::nullopt;
    rest = text.substr(colon + 3);
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    if (!is_authority(rest.substr(0, end))) return std::nullopt;
    rest.remove_prefix(end);
    absolute = true;
  }
  const auto mark = std::min(rest.find('?'), rest.size());
  Target target{std::string(rest.substr(0, mark)), std::string(rest.substr(mark))};
  if (!target.query.empty()) target.query.erase(0, 1);
  if (absolute && target.path.empty()) target.path = "/";
  return target;
}

// A request as split() at its line breaks, or nothing if it is not plainly one: a method, a target,
// HTTP/1.1, and fields that frame nothing.
struct PlainRequest {
  std::string_view method;
  std::string_view target;
  std::vector<std::string_view> hosts;
};

std::optional<std::string_view> take_line(std::string_view& bytes) {
  const auto end = bytes.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  return line;
}

std::optional<PlainRequest> read_plain(std::string_view bytes) {
  constexpr std::size_t kMostBytes = 800;
  constexpr std::string_view kVersion = " HTTP/1.1";
  const auto line = take_line(bytes);
  if (!line || !line->ends_with(kVersion)) return std::nullopt;
  const auto space = line->find(' ');
  PlainRequest request;
  request.method = line->substr(0, space);
  request.target = line->substr(space + 1);
  if (request.target.size() <= kVersion.size()) return std::nullopt;
  request.target.remove_suffix(kVersion.size());
  if (request.method != "GET" && request.method != "OPTIONS") return std::nullopt;
  for (auto field = take_line(bytes); field; field = take_line(bytes)) {
    if (field->empty()) return request;
    const auto colon = field->find(": ");
    if (colon == std::string_view::npos || field->size() > kMostBytes) return std::nullopt;
    const std::string_view name = field->substr(0, colon);
    const std::string_view value = field->substr(colon + 2);
    if (value.empty() || value.front() == ' ' || value.back() == ' ') return std::nullopt;
    if (name == "Host" && request.hosts.size() < 5) {
      request.hosts.push_back(value);
    } else if (name != "X" || !consists_of(value, {kLetters, kDigits, kMarks, " ,/"})) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

// That the parser, too, finds only what a URL may hold: a part of it that is beyond doubt.
bool is_plain_target(std::string_view target) {
  return target.size() < 800 && !target.starts_with("*") &&
         consists_of(target, {kLetters, kDigits, kMarks, "/?:@,%"});
}

// Of a request that was taken.
void check_taken(const http::RequestHead& head) {
  const auto target = read_target(head.target(), head.method() == "OPTIONS");
  require(target.has_value(), "a bad target is taken");
  require(head.raw_path() == target->path, "another path");
  require(head.query() == target->query, "another query");
  std::size_t hosts = 0;
  for (std::size_t index = 0; index < head.field_count(); ++index) {
    const auto field = head.field(index);
    if (field.name != "host") continue;
    ++hosts;
    // RFC 9112 section 3.2: empty where the target has no authority, which only "*" has not.
    const bool may_be_empty = head.target() == "*";
    require(is_authority(field.value) || (field.value.empty() && may_be_empty),
            "a bad Host is taken");
  }
  require(hosts == 1 || (hosts == 0 && head.minor_version() == 0), "not one Host");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const http::StatusLines status_lines;
  static const fasterapi::base::Limits limits;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  http::Connection connection(limits, status_lines);
  connection.receive(bytes);
  const bool taken = connection.next_event().kind == http::EventKind::RequestHead;
  if (taken) check_taken(connection.head());

  const auto plain = read_plain(bytes);
  if (!plain) return 0;
  const bool good = plain->hosts.size() == 1 && is_authority(plain->hosts[0]) &&
                    is_plain_target(plain->target) &&
                    read_target(plain->target, plain->method == "OPTIONS");
  if (good) require(taken, "a good request is refused");
  return 0;
}
