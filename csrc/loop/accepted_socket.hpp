// loop/accepted_socket.hpp: a connection that a listener has accepted and nobody has taken yet;
// closed unless somebody does. It knows its peer from accept(): later the peer may be gone.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/address.hpp"

namespace fasterapi::loop {

// The address of a TCP peer, of either family.
union PeerAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// As text with its port.
[[nodiscard]] base::Address to_text(const PeerAddress& address);

class AcceptedSocket {
 public:
  AcceptedSocket(int fd, const PeerAddress& peer, bool is_unix) noexcept
      : fd_(fd), peer_(peer), is_unix_(is_unix) {}
  AcceptedSocket(AcceptedSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), peer_(other.peer_), is_unix_(other.is_unix_) {}
  AcceptedSocket(const AcceptedSocket&) = delete;
  AcceptedSocket& operator=(const AcceptedSocket&) = delete;
  ~AcceptedSocket() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  // The caller closes it from now on.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  [[nodiscard]] bool is_unix() const noexcept { return is_unix_; }
  // REQUIRES: !is_unix().
  [[nodiscard]] const PeerAddress& peer() const noexcept { return peer_; }

 private:
  int fd_;
  PeerAddress peer_;
  bool is_unix_;
};

}  // namespace fasterapi::loop
