// loop/loop.hpp: one uv_loop_t: polls once per turn, and tells its observers when the turn ends.
// Made after fork, used by one thread; wake() alone may be called from any thread.
#pragma once

#include <uv.h>

#include <cstdint>
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

// Who makes the turns, where they do not come by themselves.
class TurnDriver {
 public:
  // Work has been left for a turn. Called in the midst of one, too, and then without the GIL.
  virtual void turn_wanted() noexcept = 0;

 protected:
  ~TurnDriver() = default;
};

class FdEvents;

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
  // What poll() begins with: for who does not poll again at once.
  void flush() noexcept;
  // Which poll it is, counted from 1.
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }
  // What is answered while the loop polls is sent then, and callbacks that take long do not keep it
  // waiting: whoever runs some calls poll_within_turn() between two of them.
  void answer_while_polling() noexcept { answers_while_polling_ = times_polls_ = true; }
  [[nodiscard]] bool answers_while_polling() const noexcept { return answers_while_polling_; }
  // Polls if the last poll is a while ago; what it brings for callbacks waits for the next turn.
  void poll_within_turn() noexcept {
    if (answers_while_polling_) poll_if_late();
  }
  // From now on the end of each poll is timed.
  void time_polls() noexcept { times_polls_ = true; }
  // On base::monotonic_ns(); 0 if none was timed.
  [[nodiscard]] std::uint64_t poll_ended_ns() const noexcept { return poll_ended_ns_; }
  // Whether an observer has work left: the next poll must not wait.
  [[nodiscard]] bool has_work() const noexcept { return has_work_; }

  // To be called by whoever leaves work for the turn: to send, to poll for, to free.
  void want_turn() noexcept {
    if (driver_) driver_->turn_wanted();
  }
  // Outlives the loop's use.
  void set_driver(TurnDriver* driver) noexcept { driver_ = driver; }

  // For a driver that waits elsewhere: readable when there is something to poll for ...
  [[nodiscard]] int backend_fd() const noexcept { return uv_backend_fd(&uv_); }
  // ... and how long until a poll is due without that: 0 at once, also when what is polled for has
  // changed since the last poll; -1 never.
  [[nodiscard]] int timeout_ms() const noexcept { return uv_backend_timeout(&uv_); }
  // The time from which timeout_ms() counts.
  [[nodiscard]] std::uint64_t now_ms() const noexcept { return uv_now(&uv_); }
  void update_time() noexcept { uv_update_time(&uv_); }

  // Ends a waiting poll. Any thread; cheap to repeat.
  void wake() noexcept;

  void add_observer(TurnObserver& observer) { observers_.push_back(&observer); }
  void remove_observer(TurnObserver& observer) noexcept { std::erase(observers_, &observer); }

  // To be polled, too; null: no more.
  void set_descriptors(FdEvents* descriptors) noexcept { descriptors_ = descriptors; }

  [[nodiscard]] uv_loop_t* uv() noexcept { return &uv_; }
  // Where every stream reads to: used only within one read callback.
  [[nodiscard]] char* receive_buffer();

 private:
  void poll_descriptors(bool may_wait) noexcept;
  void poll_if_late() noexcept;
  [[nodiscard]] bool is_quiet() noexcept;
  [[nodiscard]] bool timer_due() const noexcept;

  uv_loop_t uv_{};
  UvHandle<uv_async_t> wakeup_;
  FdEvents* descriptors_ = nullptr;
  std::vector<TurnObserver*> observers_;
  TurnDriver* driver_ = nullptr;
  std::unique_ptr<char[]> receive_buffer_;
  std::uint64_t turn_ = 0;
  std::uint64_t poll_ended_ns_ = 0;
  bool times_polls_ = false;
  bool answers_while_polling_ = false;
  bool open_ = false;
  bool has_work_ = false;
  bool is_busy_ = false;  // the last look at the descriptors found one ready
};

}  // namespace fasterapi::loop
