// loop/socket_io.hpp: reads from and writes to a non-blocking socket at once, without libuv: for
// asyncio's transports, whose sockets belong to Python.
#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "base/bytes.hpp"

namespace fasterapi::loop {

// What a call has moved, or the errno that it failed with.
struct Moved {
  ssize_t count;  // bytes; 0 is the end of the stream; -1: see error
  int error;

  // Nothing now, perhaps later.
  [[nodiscard]] bool would_block() const noexcept {
    return count < 0 && (error == EAGAIN || error == EWOULDBLOCK || error == EINTR);
  }
};

[[nodiscard]] inline Moved receive_now(int fd, char* memory, std::size_t size) noexcept {
  const ssize_t count = recv(fd, memory, size, 0);
  return {count, count < 0 ? errno : 0};
}

[[nodiscard]] inline Moved send_now(int fd, base::ByteView bytes) noexcept {
  const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return {count, count < 0 ? errno : 0};
}

}  // namespace fasterapi::loop
