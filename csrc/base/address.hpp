// base/address.hpp: one end of a stream socket, as ASGI's scope names it (www.rst: "client",
// "server").
#pragma once

#include <string>

namespace fasterapi::base {

struct Address {
  std::string host;  // textual IP address; the path of a Unix socket, empty if it has none
  int port = 0;
  bool is_unix = false;
};

}  // namespace fasterapi::base
