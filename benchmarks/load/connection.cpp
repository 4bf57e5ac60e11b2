// benchmarks/load/connection.cpp
// Sockets and the write side. All requests are equal, so the bytes to send are always a piece of
// one repeating string and nothing is copied per request.
#include "connection.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace load {

Connection::Connection(Connection&& other) noexcept
    : waits_for_writable(other.waits_for_writable),
      fd_(std::exchange(other.fd_, -1)),
      stream_(other.stream_),
      started_ns_(std::move(other.started_ns_)),
      first_(other.first_),
      outstanding_(other.outstanding_),
      unsent_(other.unsent_),
      position_(other.position_),
      parser_(std::move(other.parser_)) {}

bool Connection::open(const Target& target) {
  close();
  fd_ = socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const int on = 1;
  const timeval limit{5, 0};
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&target.address), target.length) != 0 ||
      fcntl(fd_, F_SETFL, O_NONBLOCK) != 0) {
    close();
    return false;
  }
  return true;
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  first_ = 0;
  outstanding_ = 0;
  unsent_ = position_ = 0;
  waits_for_writable = false;
  parser_.reset();
}

bool Connection::send(std::uint32_t count, std::uint64_t started_ns) {
  for (std::uint32_t i = 0; i < count; ++i) {
    started_ns_[(first_ + outstanding_++) % started_ns_.size()] = started_ns;
  }
  unsent_ += count * (stream_->size() / started_ns_.size());
  return flush();
}

bool Connection::flush() {
  while (unsent_ > 0) {
    const auto piece = std::min(unsent_, stream_->size() - position_);
    const auto sent = ::send(fd_, stream_->data() + position_, piece, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    unsent_ -= static_cast<std::size_t>(sent);
    position_ = (position_ + static_cast<std::size_t>(sent)) % stream_->size();
  }
  return true;
}

std::uint64_t Connection::complete() {
  const auto started = started_ns_[first_];
  first_ = (first_ + 1) % started_ns_.size();
  --outstanding_;
  return started;
}

}  // namespace load
