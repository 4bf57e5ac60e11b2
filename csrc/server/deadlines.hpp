// server/deadlines.hpp: which connections wait for their peer, for what, and until when. One libuv
// timer for all of them. Each list has one delay, so it is ordered by itself: to arm and to disarm
// is to link and to unlink.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "base/limits.hpp"
#include "loop/timer.hpp"

namespace fasterapi::server {

class Connection;

enum class Wait : std::uint8_t {
  FirstByte,    // of a new connection
  Head,         // the rest of a request's head
  NextRequest,  // of a connection that has been used
  Close,        // of a peer that was told that nothing more comes
  Progress,     // for looking at the pace of a body or a response
  None,
};

class DeadlineList {
 public:
  struct Link {  // inside its connection
    Connection* owner = nullptr;
    Link* previous = nullptr;
    Link* next = nullptr;
    std::uint64_t deadline_ms = 0;
    Wait wait = Wait::None;
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
  using OnExpired = std::function<void(Connection&, Wait)>;
  Deadlines(const base::Limits& limits, OnExpired on_expired);

  loop::UvError open(loop::Loop& loop) { return timer_.open(loop); }
  void close() noexcept { timer_.close(); }

  // Replaces what the link was armed for.
  void arm(DeadlineList::Link& link, Wait wait);
  static void disarm(DeadlineList::Link& link) noexcept {
    link.wait = Wait::None;
    if (link.linked()) DeadlineList::remove(link);
  }

  // While there are many connections the idle ones are kept for a shorter time.
  void set_crowded(bool crowded);

 private:
  static constexpr std::size_t kLists = static_cast<std::size_t>(Wait::None);

  [[nodiscard]] std::uint64_t due_ms(const DeadlineList::Link& link) const noexcept;
  void fire_by(std::uint64_t due_ms, std::uint64_t now_ms);
  void on_timer();

  const std::array<std::size_t, kLists> delays_ms_;  // kUnlimited: never
  const std::size_t idle_cut_ms_;                    // from NextRequest's while crowded
  OnExpired on_expired_;
  std::array<DeadlineList, kLists> lists_;
  loop::Timer timer_;
  std::uint64_t timer_due_ms_ = 0;
  bool crowded_ = false;
};

}  // namespace fasterapi::server
