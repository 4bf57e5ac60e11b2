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
  list.push(link, base::monotonic_ms() + delay_ms);
  // A timer that is running fires no later than any deadline it was started for; on_timer() starts
  // it for the rest.
  if (!timer_.active()) timer_.start(delay_ms);
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
  if (earliest != UINT64_MAX && !timer_.active()) timer_.start(earliest - now);
}

}  // namespace fasterapi::server
