// http/target.cpp: see target.hpp.
#include "http/target.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "http/authority.hpp"

namespace fasterapi::http {
namespace {

using base::ByteView;

// What stands behind the authority; the slash of "http://" where there is no path (RFC 9110 section
// 4.2.3: an empty path means "/").
void split_path(ByteView rest, ByteView slash, Target& parts) noexcept {
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  parts.path = mark == 0 ? slash : rest.substr(0, mark);
  parts.query = rest.substr(std::min(mark + 1, rest.size()));
}

}  // namespace

std::optional<Target> split_target(ByteView target, bool is_options) noexcept {
  // A fragment is never part of a target. A backslash is no byte of a URI (RFC 3986 section 2), and
  // some take it for a slash.
  if (target.empty() || target.find('#') != ByteView::npos || target.find('\\') != ByteView::npos)
    return std::nullopt;
  Target parts;
  if (target.front() == '/') {
    split_path(target, target, parts);
    return parts;
  }
  if (target.front() == '*') {
    if (!is_options || target.size() != 1) return std::nullopt;
    parts.path = target;
    parts.query = target.substr(1);
    return parts;
  }
  const std::size_t scheme = std::min(target.find("://"), target.size());
  if (!base::equals_ignoring_case(target.substr(0, scheme), "http") &&
      !base::equals_ignoring_case(target.substr(0, scheme), "https"))
    return std::nullopt;
  const ByteView behind_scheme = target.substr(std::min(scheme + 3, target.size()));
  const std::size_t end = std::min(behind_scheme.find_first_of("/?"), behind_scheme.size());
  parts.authority = behind_scheme.substr(0, end);
  if (!is_authority(parts.authority)) return std::nullopt;
  split_path(behind_scheme.substr(end), target.substr(scheme + 1, 1), parts);
  return parts;
}

}  // namespace fasterapi::http
