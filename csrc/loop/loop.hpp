// loop/loop.hpp: one uv_loop_t: polls once per turn, and tells its observers when the turn ends.
// Made after fork, used by one thread; wake() alone may be called from any thread.
#pragma once

#include <uv.h>

#include <memory>
#include <vector>

#include "base/counters.hpp"
#include "base/limits.hpp"
#include "loop/handle.hpp"

namespace fasterapi::loop {

// What takes part in every turn. Calls come from the loop's thread.
class TurnObserver {
 public:
  // Before the loop polls: send what the turn has left to be sent. No Python runs here.
  virtual void flush() = 0;
  // After the poll, once per turn: do the work that the poll brought. True if work is left: the
  // next poll won't wait.
  virtual bool run_turn() = 0;
  // The loop is being closed: give up every handle on it.
  virtual void loop_closing() = 0;

 protected:
  ~TurnObserver() = default;
};

class Loop : base::Counted<Loop> {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { close(); }

  // To be called once before anything else.
  UvError open();
  [[nodiscard]] bool is_open() const noexcept { return open_; }
  // Closes every handle and runs their close callbacks.
  void close() noexcept;
  // To be called in a child process after fork(): what is closed from now on stays in the parent's
  // poll, which shares the descriptors that were inherited.
  void leave_parent() noexcept;

  // One turn in two halves, so that the caller may do as it likes between them (it takes the GIL).
  void poll(bool wait) noexcept;
  void end_turn();
  // Whether an observer has work left: the next poll must not wait.
  [[nodiscard]] bool has_work() const noexcept { return has_work_; }

  // Ends a waiting poll. Any thread; cheap to repeat.
  void wake() noexcept;

  void add_observer(TurnObserver& observer) { observers_.push_back(&observer); }
  void remove_observer(TurnObserver& observer) noexcept { std::erase(observers_, &observer); }

  [[nodiscard]] uv_loop_t* uv() noexcept { return &uv_; }
  // Where every stream reads to: used only within one read callback.
  [[nodiscard]] char* receive_buffer();

 private:
  [[nodiscard]] bool is_quiet() noexcept;
  [[nodiscard]] bool timer_due() const noexcept;

  uv_loop_t uv_{};
  UvHandle<uv_async_t> wakeup_;
  std::vector<TurnObserver*> observers_;
  std::unique_ptr<char[]> receive_buffer_;
  bool open_ = false;
  bool has_work_ = false;
  bool is_busy_ = false;  // the last look at the descriptors found one ready
};

}  // namespace fasterapi::loop
