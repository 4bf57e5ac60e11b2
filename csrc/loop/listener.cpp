// loop/listener.cpp: see listener.hpp.
#include "loop/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "loop/entry.hpp"

namespace fasterapi::loop {
namespace {

int family_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? address.ss_family
                                                                            : -errno;
}

}  // namespace

UvError Listener::listen(Loop& loop, int fd, int backlog) {
  const int family = family_of(fd);
  if (family < 0) return UvError(family);
  const int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own_fd < 0) return UvError(-errno);
  const bool is_unix = family == AF_UNIX;
  UvError error = handle_.open(this, [&](StreamMemory* memory) {
    return is_unix ? uv_pipe_init(loop.uv(), &memory->pipe, 0)
                   : uv_tcp_init(loop.uv(), &memory->tcp);
  });
  if (error.ok()) {
    error = UvError(is_unix ? uv_pipe_open(&handle_.get()->pipe, own_fd)
                            : uv_tcp_open(&handle_.get()->tcp, own_fd));
  }
  if (!error.ok()) {
    ::close(own_fd);
  } else {
    error = UvError(uv_listen(&handle_.get()->stream, backlog, on_readable));
  }
  if (!error.ok()) handle_.close();
  return error;
}

void Listener::on_readable(uv_stream_t* stream, int status) {
  auto* self = static_cast<Listener*>(stream->data);
  if (!self || status != 0) return;
  // Without memory for a connection libuv keeps this one and accepts no other: there is nothing
  // better to do than to serve those that are here.
  uv_entry([&] { self->on_connection_(stream); }, [] {});
}

}  // namespace fasterapi::loop
