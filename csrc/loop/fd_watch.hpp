// loop/fd_watch.hpp: notes that a file descriptor became readable. For one trusted fd (the selector
// that asyncio's transports use, nested): libuv aborts if a watched fd is closed under it, so
// users' fds are never watched here.
#pragma once

#include "loop/loop.hpp"

namespace fasterapi::loop {

class FdWatch {
 public:
  UvError open(Loop& loop, int fd) {
    const UvError error =
        handle_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(loop.uv(), poll, fd); });
    if (error.ok()) uv_poll_start(handle_.get(), UV_READABLE, on_ready);
    return error;
  }
  void close() noexcept { handle_.close(); }

  // Whether it became readable since the last call.
  [[nodiscard]] bool take_ready() noexcept { return std::exchange(ready_, false); }

 private:
  static void on_ready(uv_poll_t* poll, int, int) {
    if (auto* self = static_cast<FdWatch*>(poll->data)) self->ready_ = true;
  }

  UvHandle<uv_poll_t> handle_;
  bool ready_ = false;
};

}  // namespace fasterapi::loop
