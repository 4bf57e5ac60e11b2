// loop/listener.hpp: a listening socket that somebody else has bound; tells when a connection can
// be accepted.
#pragma once

#include <functional>

#include "loop/loop.hpp"
#include "loop/tcp_stream.hpp"

namespace fasterapi::loop {

class Listener : base::Counted<Listener> {
 public:
  // Called with the listening stream, for TcpStream::accept().
  using OnConnection = std::function<void(uv_stream_t*)>;
  explicit Listener(OnConnection on_connection) : on_connection_(std::move(on_connection)) {}

  // Listens on a duplicate of `fd`, whose family decides between TCP and Unix.
  UvError listen(Loop& loop, int fd, int backlog);
  void close() noexcept { handle_.close(); }

 private:
  static void on_readable(uv_stream_t* stream, int status);

  UvHandle<StreamMemory> handle_;
  OnConnection on_connection_;
};

}  // namespace fasterapi::loop
