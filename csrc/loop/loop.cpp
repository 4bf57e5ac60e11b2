// loop/loop.cpp: see loop.hpp.
#include "loop/loop.hpp"

#include <cassert>

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

void Loop::poll(bool wait) noexcept {
  for (TurnObserver* observer : observers_) observer->flush();
  uv_run(&uv_, wait && !has_work_ ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void Loop::end_turn() {
  has_work_ = false;
  for (std::size_t index = 0; index < observers_.size();
       ++index) {  // an observer may be added or removed meanwhile
    has_work_ |= observers_[index]->run_turn();
  }
}

void Loop::wake() noexcept {
  if (wakeup_.is_open()) uv_async_send(wakeup_.get());
}

char* Loop::receive_buffer() {
  if (!receive_buffer_)
    receive_buffer_ = std::make_unique_for_overwrite<char[]>(base::kReceiveBufferBytes);
  return receive_buffer_.get();
}

}  // namespace fasterapi::loop
