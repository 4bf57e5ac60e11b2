// py/step_capture.hpp: Python 3.11 has no eager tasks: a Task's constructor hands its first step to
// loop.call_soon(). Whoever makes the task may capture that step and run it at once, without a turn
// of the loop.
#pragma once

#include "py/ref.hpp"

namespace fasterapi::py {

class StepCapture {
 public:
  // Captures the call_soon() whose context is `context`, which the caller made for this task alone.
  explicit StepCapture(PyBorrowed context) noexcept : context_(context) { active_ = this; }
  StepCapture(const StepCapture&) = delete;
  StepCapture& operator=(const StepCapture&) = delete;
  ~StepCapture() { active_ = nullptr; }

  [[nodiscard]] PyRef take_step() noexcept { return std::move(step_); }

  // For call_soon(): true if the callback was the awaited step and must not be queued.
  [[nodiscard]] static bool offer(PyBorrowed callback, PyBorrowed context) noexcept {
    if (!active_ || context != active_->context_ || active_->step_) return false;
    active_->step_ = PyRef::borrow(callback);
    return true;
  }

 private:
  static inline thread_local StepCapture* active_ = nullptr;
  PyBorrowed context_;
  PyRef step_;
};

}  // namespace fasterapi::py
