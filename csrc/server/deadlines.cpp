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

Deadlines::Deadlines(const base::Limits& limits, OnExpired on_expired)
    : delays_ms_{limits.first_byte_ms, limits.head_ms, limits.keep_alive_ms, limits.linger_ms,
                 limits.progress_check_ms},
      idle_cut_ms_(limits.keep_alive_ms - std::min(limits.keep_alive_ms, limits.crowded_idle_ms)),
      on_expired_(std::move(on_expired)),
      timer_([this] { on_timer(); }) {}

void Deadlines::arm(DeadlineList::Link& link, Wait wait) {
  disarm(link);
  link.wait = wait;
  const auto list = static_cast<std::size_t>(wait);
  if (delays_ms_[list] == base::kUnlimited) return;
  const std::uint64_t now = base::monotonic_ms();
  // At least 1 ms: what is armed again when it expires must not expire in the same round.
  lists_[list].push(link, now + std::max<std::size_t>(delays_ms_[list], 1));
  fire_by(due_ms(link), now);
}

std::uint64_t Deadlines::due_ms(const DeadlineList::Link& link) const noexcept {
  const bool cut = crowded_ && link.wait == Wait::NextRequest;
  return link.deadline_ms - (cut ? idle_cut_ms_ : 0);
}

void Deadlines::set_crowded(bool crowded) {
  if (crowded == crowded_) return;
  crowded_ = crowded;
  const DeadlineList::Link* idle = lists_[static_cast<std::size_t>(Wait::NextRequest)].front();
  if (!idle) return;
  const std::uint64_t now = base::monotonic_ms();
  fire_by(std::max(due_ms(*idle), now), now);
}

// on_timer() starts the timer for what is due later.
void Deadlines::fire_by(std::uint64_t due_ms, std::uint64_t now_ms) {
  if (timer_.active() && timer_due_ms_ <= due_ms) return;
  timer_due_ms_ = due_ms;
  timer_.start(due_ms - now_ms);
}

void Deadlines::on_timer() {
  const std::uint64_t now = base::monotonic_ms();
  std::uint64_t earliest = UINT64_MAX;
  for (DeadlineList& list : lists_) {
    while (DeadlineList::Link* link = list.front()) {
      if (due_ms(*link) > now) {
        earliest = std::min(earliest, due_ms(*link));
        break;
      }
      const Wait wait = link->wait;
      disarm(*link);
      on_expired_(*link->owner, wait);
    }
  }
  if (earliest != UINT64_MAX) fire_by(earliest, now);
}

}  // namespace fasterapi::server
