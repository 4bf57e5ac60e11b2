// server/deadlines.cpp: see deadlines.hpp.
#include "server/deadlines.hpp"

#include <algorithm>

#include "base/clock.hpp"

namespace fasterapi::server {

void DeadlineList::push(Link& link, std::uint64_t deadline_ms) noexcept {
  link.deadline_ms = deadline_ms;
  link.previous = ends_.previous;
  link.next = &ends_;
  link.previous->next = &link;
  ends_.previous = &link;
}

void DeadlineList::remove(Link& link) noexcept {
  link.previous->next = link.next;
  link.next->previous = link.previous;
  link.previous = link.next = nullptr;
}

Deadlines::Deadlines(std::uint64_t keep_alive_ms, std::uint64_t linger_ms, OnExpired on_expired)
    : keep_alive_ms_(keep_alive_ms),
      linger_ms_(linger_ms),
      on_expired_(std::move(on_expired)),
      timer_([this] { on_timer(); }) {}

void Deadlines::arm(DeadlineList& list, DeadlineList::Link& link, std::uint64_t delay_ms) {
  disarm(link);
  const std::uint64_t now = base::monotonic_ms();
  // At least 1 ms: what is armed again when it expires must not expire in the same round.
  const std::uint64_t deadline = now + std::max<std::uint64_t>(delay_ms, 1);
  list.push(link, deadline);
  fire_by(deadline, now);
}

// on_timer() starts the timer for what is due later.
void Deadlines::fire_by(std::uint64_t deadline_ms, std::uint64_t now_ms) {
  if (timer_.active() && timer_due_ms_ <= deadline_ms) return;
  timer_due_ms_ = deadline_ms;
  timer_.start(deadline_ms - now_ms);
}

void Deadlines::on_timer() {
  const std::uint64_t now = base::monotonic_ms();
  std::uint64_t earliest = UINT64_MAX;
  for (DeadlineList* list : {&idle_, &lingering_}) {
    while (DeadlineList::Link* link = list->front()) {
      if (link->deadline_ms > now) {
        earliest = std::min(earliest, link->deadline_ms);
        break;
      }
      DeadlineList::remove(*link);
      on_expired_(*link->owner);
    }
  }
  if (earliest != UINT64_MAX) fire_by(earliest, now);
}

}  // namespace fasterapi::server
