// tests/cpp/support/sockets.cpp: see sockets.hpp.
#include "sockets.hpp"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace fasterapi::support {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

struct Name {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  sockaddr* address() { return reinterpret_cast<sockaddr*>(&storage); }
};

Name name_of(int fd) {
  Name name;
  checked(getsockname(fd, name.address(), &name.size), "getsockname");
  return name;
}

}  // namespace

void Socket::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Socket::set_buffers(int bytes) const {
  for (const int option : {SO_SNDBUF, SO_RCVBUF}) {
    checked(setsockopt(fd_, SOL_SOCKET, option, &bytes, sizeof bytes), "setsockopt");
  }
}

Socket bound_tcp_socket() {
  Socket made(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(bind(made.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  return made;
}

Socket bound_tcp6_socket() {
  Socket made(checked(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  checked(bind(made.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  return made;
}

Socket bound_unix_socket(const std::string& path) {
  Socket made(checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  checked(bind(made.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  return made;
}

Client::Client(const Socket& bound, int buffer_bytes) {
  Name name = name_of(bound.fd());
  socket_ = Socket(checked(
      socket(name.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  if (buffer_bytes > 0) socket_.set_buffers(buffer_bytes);
  const int result = connect(socket_.fd(), name.address(), name.size);
  if (result < 0 && errno != EINPROGRESS) checked(result, "connect");
}

std::size_t Client::send(std::string_view bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count =
        ::send(socket_.fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0) break;
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

std::size_t Client::receive(std::size_t most) {
  std::array<char, 65536> buffer;
  std::size_t received = 0;
  while (received < most && !at_end_ && !reset_) {
    const ssize_t count =
        recv(socket_.fd(), buffer.data(), std::min(buffer.size(), most - received), 0);
    if (count > 0) {
      text_.append(buffer.data(), static_cast<std::size_t>(count));
      received += static_cast<std::size_t>(count);
    } else if (count == 0) {
      at_end_ = true;
    } else if (errno == EAGAIN) {
      break;
    } else {
      reset_ = true;
    }
  }
  return received;
}

void Client::abort() noexcept {
  const linger at_once{1, 0};
  setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.close();
}

unsigned Client::segments_received() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  checked(getsockopt(socket_.fd(), IPPROTO_TCP, TCP_INFO, &info, &size), "getsockopt");
  return info.tcpi_data_segs_in;
}

int Client::port() const {
  const Name name = name_of(socket_.fd());
  return ntohs(reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port);
}

}  // namespace fasterapi::support
