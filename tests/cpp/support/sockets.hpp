// tests/cpp/support/sockets.hpp: the other end of a connection: a plain socket that never blocks.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>

namespace fasterapi::support {

class Socket {
 public:
  Socket() noexcept = default;
  explicit Socket(int fd) noexcept : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() { close(); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void close() noexcept;
  // How much the kernel buffers on the way out or in; set before connect() or listen() to hold for
  // connections too.
  void set_buffers(int bytes) const;

 private:
  int fd_ = -1;
};

// Bound, not yet listening.
[[nodiscard]] Socket bound_tcp_socket();
[[nodiscard]] Socket bound_tcp6_socket();  // throws where there is no IPv6
[[nodiscard]] Socket bound_unix_socket(const std::string& path);

class Client {
 public:
  Client() noexcept = default;
  // Connects to what `bound` is bound to; somebody must listen on it. A small buffer makes a reader
  // that soon stalls.
  explicit Client(const Socket& bound, int buffer_bytes = 0);

  // Sends what the kernel takes now; returns how much that is.
  std::size_t send(std::string_view bytes) const;
  // Reads what is there, at most `most` bytes; returns how much that was.
  std::size_t receive(std::size_t most = SIZE_MAX);
  // Everything received so far.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::string take_text() noexcept { return std::exchange(text_, {}); }
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }  // the peer has closed
  [[nodiscard]] bool reset() const noexcept { return reset_; }

  void shut_down_writing() const noexcept { shutdown(socket_.fd(), SHUT_WR); }
  void close() noexcept { socket_.close(); }
  // Closes so that the peer gets a reset in place of an end.
  void abort() noexcept;
  // TCP segments with data that have arrived.
  [[nodiscard]] unsigned segments_received() const;
  [[nodiscard]] int port() const;

 private:
  Socket socket_;
  std::string text_;
  bool at_end_ = false;
  bool reset_ = false;
};

}  // namespace fasterapi::support
