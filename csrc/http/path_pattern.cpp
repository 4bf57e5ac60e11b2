// http/path_pattern.cpp: see path_pattern.hpp.
#include "http/path_pattern.hpp"

#include <algorithm>
#include <utility>

namespace fasterapi::http {
namespace {

using base::ByteView;

bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_name(ByteView name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_name_char);
}

// What a request line can hold of a path.
bool is_path_char(char c) noexcept { return c > ' ' && c < '\x7f' && c != '?' && c != '#'; }

}  // namespace

base::Result<PathPattern, ByteView> PathPattern::parse(ByteView text) {
  if (text.empty() || text.front() != '/') return ByteView("a path begins with a slash");
  if (!std::all_of(text.begin(), text.end(), is_path_char))
    return ByteView("a path holds visible ASCII characters but '?' and '#'");
  PathPattern pattern;
  pattern.text_ = text;
  for (std::size_t begin = 0;;) {
    const std::size_t open = std::min(text.find('{', begin), text.size());
    const ByteView literal = text.substr(begin, open - begin);
    if (literal.find('}') != ByteView::npos) return ByteView("'}' closes nothing");
    if (open == text.size()) {
      pattern.behind_ = literal;
      return pattern;
    }
    const std::size_t close = text.find('}', open);
    if (close == ByteView::npos) return ByteView("'{' is not closed");
    const ByteView inside = text.substr(open + 1, close - open - 1);
    begin = close + 1;
    const bool is_last = begin == text.size();
    if (literal.empty() || literal.back() != '/' || !(is_last || text[begin] == '/'))
      return ByteView("a parameter is a whole segment");
    pattern.before_.emplace_back(literal);
    if (const ByteView wrong = pattern.add_parameter(inside, is_last); !wrong.empty()) return wrong;
  }
}

// Empty, or what is wrong.
ByteView PathPattern::add_parameter(ByteView inside, bool is_last) {
  const std::size_t colon = std::min(inside.find(':'), inside.size());
  const ByteView name = inside.substr(0, colon);
  const ByteView kind = inside.substr(std::min(colon + 1, inside.size()));
  if (!is_name(name)) return "a parameter's name holds letters, digits and '_'";
  if (colon != inside.size() && kind != "path") return "the only kind of parameter is 'path'";
  if (std::find(names_.begin(), names_.end(), name) != names_.end())
    return "two parameters have one name";
  if (names_.size() == kMostParameters) return "there are at most 8 parameters";
  takes_rest_ = kind == "path";
  if (takes_rest_ && !is_last) return "a parameter of kind 'path' is the last segment";
  names_.emplace_back(name);
  return {};
}

bool PathPattern::match(ByteView raw_path, Captures& captures) const noexcept {
  ByteView rest = raw_path;
  for (std::size_t index = 0; index < names_.size(); ++index) {
    if (!rest.starts_with(before_[index])) return false;
    rest.remove_prefix(before_[index].size());
    if (takes_rest_ && index + 1 == names_.size()) {
      captures[index] = rest;
      return true;
    }
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (end == 0) return false;
    captures[index] = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  return rest == behind_;
}

}  // namespace fasterapi::http
