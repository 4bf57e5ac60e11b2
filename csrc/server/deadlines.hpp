// server/deadlines.hpp: which connections wait for their peer, and until when. One libuv timer for
// all of them. Each list has one delay, so it is ordered by itself: to arm and to disarm is to link
// and to unlink.
#pragma once

#include <cstdint>
#include <functional>

#include "loop/timer.hpp"

namespace fasterapi::server {

class Connection;

class DeadlineList {
 public:
  struct Link {  // inside its connection
    Connection* owner = nullptr;
    Link* previous = nullptr;
    Link* next = nullptr;
    std::uint64_t deadline_ms = 0;
    [[nodiscard]] bool linked() const noexcept { return next != nullptr; }
  };

  DeadlineList() noexcept { ends_.previous = ends_.next = &ends_; }
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;

  void push(Link& link, std::uint64_t deadline_ms) noexcept;
  static void remove(Link& link) noexcept;
  [[nodiscard]] Link* front() noexcept { return ends_.next == &ends_ ? nullptr : ends_.next; }

 private:
  Link ends_;
};

// The deadlines of one server. Nothing runs while no deadline is pending.
class Deadlines {
 public:
  using OnExpired = std::function<void(Connection&)>;
  Deadlines(std::uint64_t keep_alive_ms, std::uint64_t linger_ms, OnExpired on_expired);

  loop::UvError open(loop::Loop& loop) { return timer_.open(loop); }
  void close() noexcept { timer_.close(); }

  void await_next_request(DeadlineList::Link& link) { arm(idle_, link, keep_alive_ms_); }
  void await_close(DeadlineList::Link& link) { arm(lingering_, link, linger_ms_); }
  static void disarm(DeadlineList::Link& link) noexcept {
    if (link.linked()) DeadlineList::remove(link);
  }

 private:
  void arm(DeadlineList& list, DeadlineList::Link& link, std::uint64_t delay_ms);
  void fire_by(std::uint64_t deadline_ms, std::uint64_t now_ms);
  void on_timer();

  const std::uint64_t keep_alive_ms_;
  const std::uint64_t linger_ms_;
  OnExpired on_expired_;
  DeadlineList idle_;
  DeadlineList lingering_;
  loop::Timer timer_;
  std::uint64_t timer_due_ms_ = 0;
};

}  // namespace fasterapi::server
