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

// "127.0.0.1:5000" as logs name a peer; empty for a Unix socket.
[[nodiscard]] inline std::string name_of(const Address& peer) {
  return peer.is_unix ? std::string() : peer.host + ":" + std::to_string(peer.port);
}

}  // namespace fasterapi::base
