// loop/loop.cpp: see loop.hpp.
#include "loop/loop.hpp"

#include <sys/epoll.h>

#include <cassert>

#include "base/clock.hpp"
#include "loop/fd_events.hpp"

namespace fasterapi::loop {

UvError Loop::open() {
  if (const UvError error(uv_loop_init(&uv_)); !error.ok()) return error;
  open_ = true;
  // Does nothing when called: that it ends the poll is all that is wanted.
  return wakeup_.open(
      this, [&](uv_async_t* handle) { return uv_async_init(&uv_, handle, [](uv_async_t*) {}); });
}

void Loop::close() noexcept {
  if (!open_) return;
  for (const auto observers = std::exchange(observers_, {}); TurnObserver* observer : observers) {
    observer->loop_closing();
  }
  wakeup_.close();
  // Two turns are enough: one for requests in flight that are cancelled, one for close callbacks.
  // Bounded, so that a handle which nobody gave up is found below and not waited for.
  constexpr int kTurns = 8;
  for (int turn = 0; turn < kTurns && uv_run(&uv_, UV_RUN_NOWAIT) != 0; ++turn) {
  }
  [[maybe_unused]] const int status = uv_loop_close(&uv_);
  assert(status == 0 && "a handle outlived its loop");
  open_ = false;
}

void Loop::leave_parent() noexcept {
  answers_while_polling_ = false;  // the turn that has forked may go on: it polls no more
  // Without descriptors to spare it keeps none: then what it holds is left alone until exit.
  if (open_ && uv_loop_fork(&uv_) != 0) open_ = false;
}

void Loop::flush() noexcept {
  for (TurnObserver* observer : observers_) observer->flush();
}

void Loop::poll(bool wait) noexcept {
  ++turn_;
  flush();
  const bool may_wait = wait && !has_work_;
  if (descriptors_ && descriptors_->set_outermost(observers_.empty())) {
    poll_descriptors(may_wait);
  } else if (may_wait) {
    uv_run(&uv_, UV_RUN_ONCE);
  } else if (is_busy_ || !is_quiet()) {
    uv_metrics_t before{}, after{};
    uv_metrics_info(&uv_, &before);
    uv_run(&uv_, UV_RUN_NOWAIT);
    uv_metrics_info(&uv_, &after);
    is_busy_ = after.events != before.events;
  }
  if (answers_while_polling_) flush();
  if (times_polls_) poll_ended_ns_ = base::monotonic_ns();
}

// Its callbacks touch nothing of what runs the others: they only note what has come, and answer.
void Loop::poll_if_late() noexcept {
  if (base::monotonic_ns() - poll_ended_ns_ < base::kLatePollNs || observers_.empty()) return;
  ++turn_;  // a stream is read once in each
  flush();
  uv_run(&uv_, UV_RUN_NOWAIT);
  flush();
  poll_ended_ns_ = base::monotonic_ns();
}

// Nobody here has sockets in libuv: users' descriptors are looked at first, and libuv only when it
// has something to do.
void Loop::poll_descriptors(bool may_wait) noexcept {
  int timeout_ms = may_wait ? uv_backend_timeout(&uv_) : 0;
  if (timeout_ms > 0) {
    uv_update_time(&uv_);  // from which it counts
    timeout_ms = uv_backend_timeout(&uv_);
  }
  const FdEvents::Found found = descriptors_->wait(timeout_ms);
  if (found.nothing && timeout_ms > 0) uv_update_time(&uv_);  // the coarse clock may be late
  if (found.for_libuv || timer_due()) uv_run(&uv_, UV_RUN_NOWAIT);
}

// Whether uv_run() would do nothing but look: then one system call has looked instead, a third of
// what uv_run() costs in a turn that must not wait. While descriptors keep being ready, poll()
// does not ask.
bool Loop::is_quiet() noexcept {
  if (timer_due()) return false;
  epoll_event event{};
  return epoll_wait(uv_backend_fd(&uv_), &event, 1, 0) == 0;
}

// Also true for what has no time: handles to close, descriptors to tell the kernel of.
bool Loop::timer_due() const noexcept {
  const int left_ms = uv_backend_timeout(&uv_);  // counted from uv_now()
  return left_ms == 0 || (left_ms > 0 && base::coarse_monotonic_ms() >=
                                             uv_now(&uv_) + static_cast<unsigned>(left_ms));
}

void Loop::end_turn() {
  has_work_ = false;
  for (std::size_t index = 0; index < observers_.size();
       ++index) {  // an observer may be added or removed meanwhile
    has_work_ |= observers_[index]->run_turn();
  }
}

void Loop::wake() noexcept {
  if (descriptors_ && descriptors_->outermost()) return descriptors_->wake();
  if (wakeup_.is_open()) uv_async_send(wakeup_.get());
}

char* Loop::receive_buffer() {
  if (!receive_buffer_)
    receive_buffer_ = std::make_unique_for_overwrite<char[]>(base::kReceiveBufferBytes);
  return receive_buffer_.get();
}

}  // namespace fasterapi::loop
