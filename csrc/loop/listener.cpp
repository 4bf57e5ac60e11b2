// loop/listener.cpp: see listener.hpp.
#include "loop/listener.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/clock.hpp"
#include "loop/entry.hpp"

namespace fasterapi::loop {
namespace {

int family_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? address.ss_family
                                                                            : -errno;
}

int open_spare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

void close_fd(int& fd) noexcept {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// What concerns one connection that is gone again, and not the listening socket (accept(2)).
bool is_of_one_connection(int error) noexcept {
  constexpr std::array kThose{ECONNABORTED, EINTR,  EPROTO,     ENOPROTOOPT,  EHOSTDOWN,
                              ENETDOWN,     ENONET, EOPNOTSUPP, EHOSTUNREACH, ENETUNREACH};
  return std::find(kThose.begin(), kThose.end(), error) != kThose.end();
}

}  // namespace

Listener::Listener(OnConnection on_connection, OnShortage on_shortage)
    : on_connection_(std::move(on_connection)),
      on_shortage_(std::move(on_shortage)),
      rested_([this] {
        rest_ended_ms_ = base::monotonic_ms();
        watch();
      }) {}

UvError Listener::listen(Loop& loop, int fd, int backlog) {
  const int family = family_of(fd);
  if (family < 0) return UvError(family);
  is_unix_ = family == AF_UNIX;
  fd_ = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  UvError error(fd_ < 0 || ::listen(fd_, backlog) < 0 ? -errno : 0);
  if (error.ok()) {
    spare_fd_ = open_spare();
    error = rested_.open(loop);
  }
  if (error.ok()) {
    error = handle_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(loop.uv(), poll, fd_); });
  }
  if (error.ok()) {
    watch();
  } else {
    close();
  }
  return error;
}

void Listener::close() noexcept {
  handle_.close();
  rested_.close();
  close_fd(fd_);
  close_fd(spare_fd_);
}

void Listener::watch() noexcept {
  if (handle_.is_open() && !paused_) uv_poll_start(handle_.get(), UV_READABLE, on_readable);
}

void Listener::pause() noexcept {
  paused_ = true;
  if (handle_.is_open()) uv_poll_stop(handle_.get());
}

void Listener::resume() noexcept {
  if (!std::exchange(paused_, false)) return;
  if (!rested_.active()) watch();
}

void Listener::on_readable(uv_poll_t* poll, int, int) {
  auto* self = static_cast<Listener*>(poll->data);
  if (!self) return;
  uv_entry([&] { self->accept_some(); }, [&] { self->rest(UvError(UV_ENOMEM)); });
}

// One by one costs no call more than there are connections; a storm is taken in growing bursts, so
// that it neither waits for many turns nor fills one.
void Listener::accept_some() {
  for (std::size_t count = 0; count < burst_; ++count) {
    if (!accept_one()) {
      burst_ = 1;
      return;
    }
    if (paused_ || !handle_.is_open()) return;
  }
  burst_ = std::min(2 * burst_, base::kAcceptsPerTurn);
}

// False if nothing more can be accepted now.
bool Listener::accept_one() {
  PeerAddress peer{};
  socklen_t size = sizeof peer;
  const int fd = accept4(fd_, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    on_connection_(AcceptedSocket(fd, peer, is_unix_));
    return true;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
  if (is_of_one_connection(errno)) return true;
  rest(UvError(-errno));
  return false;
}

void Listener::rest(UvError why) {
  uv_poll_stop(handle_.get());
  rested_.start(base::kAcceptRestMs);
  const bool again = base::monotonic_ms() - rest_ended_ms_ < base::kAcceptRestMs;
  if (again && (why.code() == UV_EMFILE || why.code() == UV_ENFILE)) shed();
  on_shortage_(why);
}

// When a rest has not helped: a peer that is refused is better off than one that waits for nothing.
void Listener::shed() noexcept {
  for (std::size_t count = 0; count < base::kShedPerRest && spare_fd_ >= 0; ++count) {
    close_fd(spare_fd_);
    int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    const bool accepted = fd >= 0;
    close_fd(fd);
    spare_fd_ = open_spare();
    if (!accepted) return;
  }
}

}  // namespace fasterapi::loop
