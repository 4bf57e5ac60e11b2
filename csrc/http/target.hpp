// http/target.hpp: a request's target, taken apart (RFC 9112 section 3.2). A pure function.
#pragma once

#include <optional>

#include "base/bytes.hpp"

namespace fasterapi::http {

// Views of the target.
struct Target {
  base::ByteView path;       // "*" of OPTIONS, "/" of an absolute target without a path
  base::ByteView query;      // without its question mark
  base::ByteView authority;  // of an absolute target; else empty
};

// The target in origin-form, in absolute-form of http or https, or "*" if the method is OPTIONS.
// Nothing for what is none of these or holds a fragment or a backslash, and for an authority that
// names no host or a user. REQUIRES: llhttp has found only bytes of a URL in it.
[[nodiscard]] std::optional<Target> split_target(base::ByteView target, bool is_options) noexcept;

}  // namespace fasterapi::http
