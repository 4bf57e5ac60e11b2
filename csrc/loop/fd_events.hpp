// loop/fd_events.hpp: which of other people's file descriptors are ready. They live on an epoll
// instance of their own, nested in libuv's: libuv aborts if a watched descriptor is closed under
// it, an epoll instance forgets it.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <span>

#include "loop/loop.hpp"

namespace fasterapi::loop {

class FdEvents {
 public:
  FdEvents() = default;
  FdEvents(const FdEvents&) = delete;
  FdEvents& operator=(const FdEvents&) = delete;
  ~FdEvents() { close(); }

  UvError open(Loop& loop);
  void close() noexcept;

  // From now on `fd` is watched for `events` (EPOLLIN, EPOLLOUT; 0: no more). `known` is what it
  // was watched for, as far as the caller knows: the descriptor may have been closed meanwhile, and
  // its number may be another file's.
  UvError watch(int fd, unsigned known, unsigned events) noexcept;

  // What was found ready by the last poll, valid until the next call; empty without a system call
  // if nothing was. What does not fit is ready again at the next poll.
  [[nodiscard]] std::span<const epoll_event> take() noexcept;

 private:
  static void on_ready(uv_poll_t* poll, int, int);

  UvHandle<uv_poll_t> nested_;
  int epoll_ = -1;
  bool ready_ = false;
  std::array<epoll_event, 256> found_;  // written by the kernel before it is read
};

}  // namespace fasterapi::loop
