// asgi/shadow_names.hpp: header names that an application might take for another one. CGI's
// variables, and so WSGI's environ, make no difference between "_" and "-": a client that may not
// set X-Forwarded-For behind a proxy can still send X_Forwarded_For.
#pragma once

#include "base/bytes.hpp"

namespace fasterapi::asgi {

// Whether the name is, but for "_" in place of "-", one that frames a message or that proxies set.
// `name` is lower-case and not empty.
[[nodiscard]] bool is_shadow_name(base::ByteView name) noexcept;

// The same; quick for names that cannot be one.
[[nodiscard]] inline bool shadows(base::ByteView name) noexcept {
  const char first = name.front();
  return (first == 'x' || first == 'c' || first == 't') && is_shadow_name(name);
}

}  // namespace fasterapi::asgi
