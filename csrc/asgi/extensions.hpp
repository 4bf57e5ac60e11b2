// asgi/extensions.hpp: which of ASGI's extensions the scopes offer (asgiref specs/extensions.rst).
#pragma once

namespace fasterapi::asgi {

struct Extensions {
  bool early_hint = false;
  bool pathsend = false;
  bool trailers = false;
};

}  // namespace fasterapi::asgi
