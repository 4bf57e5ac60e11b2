// loop/accepted_socket.cpp: see accepted_socket.hpp.
#include "loop/accepted_socket.hpp"

#include <arpa/inet.h>

#include <array>

namespace fasterapi::loop {

base::Address to_text(const PeerAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  base::Address found;
  if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.v6.sin6_addr, text.data(), text.size());
    found.port = ntohs(address.v6.sin6_port);
  } else {
    inet_ntop(AF_INET, &address.v4.sin_addr, text.data(), text.size());
    found.port = ntohs(address.v4.sin_port);
  }
  found.host = text.data();
  return found;
}

}  // namespace fasterapi::loop
