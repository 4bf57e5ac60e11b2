// py/step_capture.hpp: Python 3.11 has no eager tasks: a Task's constructor hands its first step to
// loop.call_soon(). Whoever makes the task may capture that step and run it at once, without a turn
// of the loop.
#pragma once

#include "py/state.hpp"

namespace fasterapi::py {

class StepCapture {
 public:
  // Captures the call_soon() whose context is `context`, which the caller made for this task alone.
  StepCapture(State& state, PyBorrowed context) noexcept : state_(state), context_(context) {
    state_.step_capture = this;
  }
  StepCapture(const StepCapture&) = delete;
  StepCapture& operator=(const StepCapture&) = delete;
  ~StepCapture() { state_.step_capture = nullptr; }

  [[nodiscard]] PyRef take_step() noexcept { return std::move(step_); }

  // For call_soon(): true if the callback was the awaited step and must not be queued.
  [[nodiscard]] static bool offer(State& state, PyBorrowed callback, PyBorrowed context) noexcept {
    StepCapture* capture = state.step_capture;
    if (!capture || context != capture->context_ || capture->step_) return false;
    capture->step_ = PyRef::borrow(callback);
    return true;
  }

 private:
  State& state_;
  PyBorrowed context_;
  PyRef step_;
};

}  // namespace fasterapi::py
