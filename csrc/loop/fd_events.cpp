// loop/fd_events.cpp: see fd_events.hpp.
#include "loop/fd_events.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace fasterapi::loop {

UvError FdEvents::open(Loop& loop) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || wakeup_ < 0) return UvError(-errno);
  UvError error = watch(wakeup_, 0, EPOLLIN);
  if (error.ok()) {
    error =
        nested_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(loop.uv(), poll, epoll_); });
  }
  if (error.ok()) error = UvError(uv_poll_start(nested_.get(), UV_READABLE, on_ready));
  if (!error.ok()) return error;
  uv_fd_ = uv_backend_fd(loop.uv());
  loop_ = &loop;
  loop.set_descriptors(this);
  return error;
}

void FdEvents::close() noexcept {
  if (loop_) std::exchange(loop_, nullptr)->set_descriptors(nullptr);
  nested_.close();
  for (int* fd : {&epoll_, &wakeup_}) {
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
  }
  outermost_ = false;
}

bool FdEvents::set_outermost(bool outermost) noexcept {
  if (outermost == this->outermost()) return outermost;
  if (outermost) {
    uv_poll_stop(nested_.get());  // tells the kernel at once; two that watch each other are refused
    if (watch(uv_fd_, 0, EPOLLIN).ok()) {
      outermost_ = true;
      return true;
    }
  } else {
    (void)watch(uv_fd_, EPOLLIN, 0).ok();
    outermost_ = false;
  }
  uv_poll_start(nested_.get(), UV_READABLE, on_ready);
  return false;
}

FdEvents::Found FdEvents::wait(int timeout_ms) noexcept {
  look(timeout_ms);
  return {uv_ready_, !uv_ready_ && count_ == 0};
}

// Signals end it, too. What is not a user's is taken out of what was found.
void FdEvents::look(int timeout_ms) noexcept {
  const int count = epoll_wait(epoll_, found_.data(), static_cast<int>(found_.size()), timeout_ms);
  count_ = static_cast<std::size_t>(count > 0 ? count : 0);
  uv_ready_ = false;
  for (std::size_t index = 0; index < count_;) {
    const int fd = found_[index].data.fd;
    if (fd != uv_fd_ && fd != wakeup_) {
      ++index;
      continue;
    }
    if (fd == uv_fd_) {
      uv_ready_ = true;
    } else {
      eventfd_t value = 0;
      eventfd_read(wakeup_, &value);
      woken_ = false;  // in this order: what a wake() between the two is for is seen in this turn
    }
    found_[index] = found_[--count_];
  }
}

void FdEvents::wake() noexcept {
  if (!woken_.exchange(true)) eventfd_write(wakeup_, 1);
}

void FdEvents::on_ready(uv_poll_t* poll, int, int) {
  if (auto* self = static_cast<FdEvents*>(poll->data)) self->ready_ = true;
}

UvError FdEvents::watch(int fd, unsigned known, unsigned events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (events == 0) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &event);  // fails if it was closed: it is gone then
    return {};
  }
  const int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(epoll_, first, fd, &event) == 0) return {};
  const bool closed_meanwhile = known && errno == ENOENT;
  const bool known_after_all = !known && errno == EEXIST;
  if (!closed_meanwhile && !known_after_all) return UvError(-errno);
  const int second = known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  return epoll_ctl(epoll_, second, fd, &event) == 0 ? UvError() : UvError(-errno);
}

std::span<const epoll_event> FdEvents::take() noexcept {
  if (std::exchange(ready_, false) && !outermost()) look(0);
  return {found_.data(), std::exchange(count_, 0)};
}

}  // namespace fasterapi::loop
