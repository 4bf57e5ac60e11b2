// cache/request.cpp: see request.hpp.
#include "cache/request.hpp"

#include <algorithm>
#include <array>

namespace fasterapi::cache {
namespace {

using Field = http::RequestHead::Field;

// Fields with which a request is the application's alone, unless the rule has them in the key: they
// say who asks (stricter than RFC 9111 section 3.5), ask for a part or under a condition that is
// not ours to judge, want no stored response (RFC 9111 section 5.2.1), or make other servers and
// frameworks see another target, method or origin than the request line has.
constexpr std::array kApplications{
    base::ByteView("authorization"),
    base::ByteView("cache-control"),
    base::ByteView("cookie"),
    base::ByteView("forwarded"),
    base::ByteView("if-match"),
    base::ByteView("if-range"),
    base::ByteView("if-unmodified-since"),
    base::ByteView("origin"),
    base::ByteView("pragma"),
    base::ByteView("proxy-authorization"),
    base::ByteView("range"),
    base::ByteView("x-forwarded-host"),
    base::ByteView("x-forwarded-path"),
    base::ByteView("x-forwarded-prefix"),
    base::ByteView("x-forwarded-scheme"),
    base::ByteView("x-host"),
    base::ByteView("x-http-method"),
    base::ByteView("x-http-method-override"),
    base::ByteView("x-method-override"),
    base::ByteView("x-original-host"),
    base::ByteView("x-original-uri"),
    base::ByteView("x-original-url"),
    base::ByteView("x-rewrite-url"),
};

// By size first: most names have that of none.
bool is_applications(base::ByteView name) noexcept {
  constexpr std::uint64_t kSizes = [] {
    std::uint64_t sizes = 0;
    for (const base::ByteView one : kApplications) sizes |= std::uint64_t{1} << one.size();
    return sizes;
  }();
  static_assert(std::all_of(kApplications.begin(), kApplications.end(),
                            [](base::ByteView one) { return one.size() < 64; }));
  if ((kSizes >> name.size() % 64 & 1) == 0) return false;
  return std::binary_search(kApplications.begin(), kApplications.end(), name);
}

bool names(const std::vector<std::string>& list, base::ByteView name) noexcept {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Each parameter is declared and there once, as it stands: another spelling of a name, or another
// separator, is another name, and is not declared.
bool query_is_declared(base::ByteView query, const std::vector<std::string>& declared) {
  std::vector<base::ByteView> seen;
  while (true) {
    const auto end = query.find('&');
    const base::ByteView parameter = query.substr(0, end);
    const base::ByteView name = parameter.substr(0, parameter.find('='));
    if (parameter.find(';') != base::ByteView::npos || !names(declared, name) ||
        std::find(seen.begin(), seen.end(), name) != seen.end())
      return false;
    if (end == base::ByteView::npos) return true;
    seen.push_back(name);
    query.remove_prefix(end + 1);
  }
}

// False if it is there twice: which of them counts is not ours to say.
bool note_once(base::ByteView& noted, base::ByteView value) noexcept {
  if (noted.data()) return false;
  noted = value;
  return true;
}

void append_part(std::string& key, base::ByteView part) {
  key.append(part);
  key.push_back('\0');  // stands in no part: the parser refuses it
}

bool append_fields(const http::RequestHead& head, const Rule& rule, std::string& key) {
  for (const std::string& name : rule.vary) {
    base::ByteView value;
    for (std::size_t index = 0; index < head.field_count(); ++index) {
      const Field field = head.field(index);
      if (field.name == name && !note_once(value, field.value)) return false;
    }
    key.append(name);
    if (value.data()) key.push_back('=');
    append_part(key, value);
  }
  return true;
}

}  // namespace

bool read_request(const http::RequestHead& head, const Rule& rule, base::ByteView scheme,
                  std::string& key, Conditions& conditions) {
  const base::ByteView path = head.raw_path();
  if (head.has_body() || head.expect_continue() || head.upgrade() || head.target().front() != '/')
    return false;
  if (head.target().size() != path.size() && !query_is_declared(head.query(), rule.query))
    return false;
  base::ByteView host;
  for (std::size_t index = 0; index < head.field_count(); ++index) {
    const Field field = head.field(index);
    if (field.name == "host") {
      host = field.value;
    } else if (field.name == "if-none-match") {
      if (!note_once(conditions.if_none_match, field.value)) return false;
    } else if (field.name == "if-modified-since") {
      if (!note_once(conditions.if_modified_since, field.value)) return false;
    } else if (is_applications(field.name) && !names(rule.vary, field.name)) {
      return false;
    }
  }
  if (host.empty()) return false;
  key.clear();
  append_part(key, path);
  append_part(key, head.query());
  append_part(key, scheme);
  append_part(key, host);
  return rule.vary.empty() || append_fields(head, rule, key);
}

KeyParts split_key(base::ByteView key, const Rule& rule) {
  const auto next_part = [&] {
    const auto end = key.find('\0');
    const base::ByteView part = key.substr(0, end);
    key.remove_prefix(end + 1);
    return part;
  };
  KeyParts parts{next_part(), next_part(), next_part(), next_part(), {}};
  for (const std::string& name : rule.vary) {
    const base::ByteView part = next_part();
    if (part.size() > name.size()) parts.fields.push_back({name, part.substr(name.size() + 1)});
  }
  return parts;
}

}  // namespace fasterapi::cache
