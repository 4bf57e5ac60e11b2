// loop/timer.hpp: a one-shot timer in milliseconds of monotonic time.
#pragma once

#include <cstdint>
#include <functional>

#include "loop/loop.hpp"

namespace fasterapi::loop {

class Timer {
 public:
  explicit Timer(std::function<void()> on_time) : on_time_(std::move(on_time)) {}

  UvError open(Loop& loop) {
    return handle_.open(this, [&](uv_timer_t* timer) { return uv_timer_init(loop.uv(), timer); });
  }
  void close() noexcept { handle_.close(); }

  // Replaces an earlier start. REQUIRES: open.
  void start(std::uint64_t delay_ms) noexcept {
    uv_update_time(
        handle_.get()->loop);  // libuv counts from its cached time, which a long turn leaves behind
    uv_timer_start(handle_.get(), on_timer, delay_ms, 0);
  }
  void stop() noexcept {
    if (handle_.is_open()) uv_timer_stop(handle_.get());
  }
  [[nodiscard]] bool active() const noexcept {
    return handle_.is_open() && uv_is_active(handle_.base()) != 0;
  }

 private:
  static void on_timer(uv_timer_t* timer) {
    if (auto* self = static_cast<Timer*>(timer->data)) self->on_time_();
  }

  UvHandle<uv_timer_t> handle_;
  std::function<void()> on_time_;
};

}  // namespace fasterapi::loop
