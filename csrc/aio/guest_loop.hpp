// aio/guest_loop.hpp: a private libuv loop within an asyncio loop of somebody else, which waits for
// its one descriptor and calls pump(). Made, used and closed in that loop's thread, under the GIL,
// but for the poll.
#pragma once

#include <cstdint>
#include <memory>

#include "aio/loop_host.hpp"
#include "base/counters.hpp"

namespace fasterapi::aio {

class GuestLoop final : public LoopHost, loop::TurnDriver, base::Counted<GuestLoop> {
 public:
  // For the asyncio loop that is to pump it. Null with the Python error set.
  [[nodiscard]] static std::unique_ptr<GuestLoop> make(py::State& state, py::PyRef asyncio_loop);
  // Begins to be pumped; to be called once before anything else. `self` is the Python object, which
  // owns this. False with the Python error set.
  [[nodiscard]] bool start(PyObject* self);

  [[nodiscard]] PyObject* asyncio_loop() noexcept override { return asyncio_loop_.get(); }
  [[nodiscard]] bool in_loop_thread() const noexcept override;

  // What the asyncio loop calls: when the descriptor is readable, for a turn that was wanted, when
  // a timer of libuv is due. False with the Python error set.
  [[nodiscard]] bool pump();
  [[nodiscard]] bool on_soon();
  [[nodiscard]] bool on_timer();
  [[nodiscard]] std::uint64_t turns() const noexcept { return turns_; }

  // Leaves nothing in the asyncio loop. May be called within a turn, which is finished.
  void close();
  // To be called in a child process after fork(): what both loops watch stays the parent's.
  void leave_parent() noexcept;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  GuestLoop(py::State& state, py::PyRef asyncio_loop) noexcept;

  void turn_wanted() noexcept override;
  void make_turn();
  [[nodiscard]] bool schedule_turn();
  [[nodiscard]] bool schedule_timer();
  // The method of the asyncio loop, called with the callback in our context.
  [[nodiscard]] py::PyRef schedule(const py::PyRef& method, py::PyBorrowed delay,
                                   const py::PyRef& callback);
  void cancel(py::PyRef handle) noexcept;
  [[nodiscard]] bool asyncio_loop_is_closed() const noexcept;
  void remove_reader() noexcept;

  py::PyRef asyncio_loop_;
  py::PyRef context_;  // in which the turns run; what a turn's cause had set is not seen in it
  py::PyRef soon_;     // the handle of call_soon(), while a turn is scheduled
  bool soon_is_old_ = false;  // a turn came between: callbacks of it may be queued behind soon_
  py::PyRef timer_;           // the handle of call_later(), while it is armed ...
  std::uint64_t timer_due_ms_ = 0;  // ... for this time of libuv's
  std::uint64_t turns_ = 0;
  unsigned long thread_;
  bool reading_ = false;  // the asyncio loop watches the descriptor
  bool in_turn_ = false;
  bool turn_wanted_ = false;  // outside of a turn
};

// Registers the type; false with the Python error set.
[[nodiscard]] bool add_guest_loop_type(PyObject* module, py::State& state);
// Null if it is no GuestLoop.
[[nodiscard]] GuestLoop* guest_loop_of(PyObject* object, py::State& state) noexcept;

}  // namespace fasterapi::aio
