// loop/fd_events.hpp: which of other people's file descriptors are ready. They live on an epoll
// instance of their own: libuv aborts if a watched descriptor is closed under it, an epoll instance
// forgets it. One of the two instances watches the other: the loop waits on libuv's while a server
// runs, else on this one. Waiting on the inner one's descriptors through the outer costs 0.4 us
// more.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <span>

#include "loop/loop.hpp"

namespace fasterapi::loop {

class FdEvents {
 public:
  FdEvents() = default;
  FdEvents(const FdEvents&) = delete;
  FdEvents& operator=(const FdEvents&) = delete;
  ~FdEvents() { close(); }

  // The loop polls this, too, until close().
  UvError open(Loop& loop);
  void close() noexcept;

  // From now on `fd` is watched for `events` (EPOLLIN, EPOLLOUT; 0: no more). `known` is what it
  // was watched for, as far as the caller knows: the descriptor may have been closed meanwhile, and
  // its number may be another file's.
  UvError watch(int fd, unsigned known, unsigned events) noexcept;

  // What was found ready by the last poll, valid until the next call; empty without a system call
  // if nothing was. What does not fit is ready again at the next poll.
  [[nodiscard]] std::span<const epoll_event> take() noexcept;

  // For the loop: makes this the outer instance, or libuv's. Returns which it is.
  bool set_outermost(bool outermost) noexcept;
  [[nodiscard]] bool outermost() const noexcept {
    return outermost_.load(std::memory_order_relaxed);
  }
  struct Found {
    bool for_libuv;  // it has something to do
    bool nothing;    // not even for users: woken, or time is up
  };
  // For the loop, where this is the outer one: waits for so many ms (-1: for ever) and keeps what
  // is found for take().
  [[nodiscard]] Found wait(int timeout_ms) noexcept;
  // Ends a wait. Any thread.
  void wake() noexcept;

 private:
  static void on_ready(uv_poll_t* poll, int, int);
  void look(int timeout_ms) noexcept;

  Loop* loop_ = nullptr;
  UvHandle<uv_poll_t> nested_;
  int epoll_ = -1;
  int wakeup_ = -1;  // an eventfd, for wake()
  int uv_fd_ = -1;
  std::atomic<bool> outermost_ = false;
  std::atomic<bool> woken_ = false;
  bool ready_ = false;     // libuv found this readable
  bool uv_ready_ = false;  // and the other way round
  std::size_t count_ = 0;
  std::array<epoll_event, 256> found_;  // written by the kernel before it is read
};

}  // namespace fasterapi::loop
