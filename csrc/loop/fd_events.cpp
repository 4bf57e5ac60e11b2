// loop/fd_events.cpp: see fd_events.hpp.
#include "loop/fd_events.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace fasterapi::loop {

UvError FdEvents::open(Loop& loop) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return UvError(-errno);
  const UvError error =
      nested_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(loop.uv(), poll, epoll_); });
  if (!error.ok()) return error;
  return UvError(uv_poll_start(nested_.get(), UV_READABLE, on_ready));
}

void FdEvents::close() noexcept {
  nested_.close();
  if (epoll_ >= 0) ::close(std::exchange(epoll_, -1));
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
  if (!std::exchange(ready_, false)) return {};
  const int count = epoll_wait(epoll_, found_.data(), static_cast<int>(found_.size()), 0);
  return {found_.data(), static_cast<std::size_t>(count > 0 ? count : 0)};
}

}  // namespace fasterapi::loop
