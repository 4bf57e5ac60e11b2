// aio/loop_core.hpp: shows the loop to asyncio: LoopCore stands first in the MRO of
// asyncio.SelectorEventLoop and replaces its ready queue, its timers and its turn. asyncio's own
// selector goes on serving asyncio's transports; its epoll fd is watched as one fd of ours.
// Everything here holds the GIL, but for the poll.
#pragma once

#include <memory>
#include <vector>

#include "aio/context_snapshot.hpp"
#include "aio/handle.hpp"
#include "aio/ready_queue.hpp"
#include "aio/timer_heap.hpp"
#include "base/counters.hpp"
#include "loop/fd_watch.hpp"
#include "loop/loop.hpp"
#include "loop/timer.hpp"
#include "py/gil.hpp"
#include "py/state.hpp"

namespace fasterapi::aio {

class LoopCore : base::Counted<LoopCore> {
 public:
  // Null with the Python error set.
  [[nodiscard]] static std::unique_ptr<LoopCore> make(py::State& state);
  // To be called once before anything else: `self` is the Python loop object, which owns this.
  void bind(PyObject* self) noexcept { self_ = self; }

  [[nodiscard]] loop::Loop& loop() noexcept { return loop_; }
  [[nodiscard]] py::ReleaseQueue& releases() noexcept { return releases_; }
  [[nodiscard]] py::State& state() const noexcept { return state_; }
  [[nodiscard]] PyObject* self() noexcept { return self_; }
  [[nodiscard]] ReadyQueue& ready() noexcept { return ready_; }
  [[nodiscard]] const TimerHeap& timers() const noexcept { return timers_; }

  // asyncio's methods; false, null: with the Python error set.
  [[nodiscard]] bool watch_selector(int fd);
  void unwatch_selector() noexcept { selector_watch_.close(); }
  [[nodiscard]] py::PyRef call_soon(py::PyBorrowed callback, py::PyBorrowed args,
                                    py::PyBorrowed context);
  [[nodiscard]] py::PyRef call_soon_threadsafe(py::PyBorrowed callback, py::PyBorrowed args,
                                               py::PyBorrowed context);
  [[nodiscard]] py::PyRef call_at(double when, py::PyBorrowed callback, py::PyBorrowed args,
                                  py::PyBorrowed context);
  [[nodiscard]] bool run_once();
  // Turns until the loop is to stop; a single one when called from within a turn.
  [[nodiscard]] bool run_until_stopping();
  [[nodiscard]] bool is_running() const noexcept { return thread_id && thread_id.get() != Py_None; }
  void timer_cancelled(PyObject* handle);
  void wake() noexcept { loop_.wake(); }
  // Whether the calling thread may touch what belongs to the loop: it runs in no other one.
  [[nodiscard]] bool in_loop_thread() const noexcept;
  // Destroys `owned` in the loop's thread, at its next turn or with the loop.
  void destroy_later(std::shared_ptr<void> owned) {
    abandoned_.push_back(std::move(owned));
    loop_.wake();
  }
  // A Python object that takes part in the turn: it stays alive during each of them. Borrowed.
  void add_companion(PyObject* object) { companions_.push_back(object); }
  void remove_companion(PyObject* object) noexcept { std::erase(companions_, object); }
  void close();
  [[nodiscard]] static double time() noexcept;

  // The attributes that asyncio's Python code sets and reads.
  bool stopping = false;
  bool closed = false;
  bool debug = false;
  py::PyRef thread_id;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  explicit LoopCore(py::State& state) noexcept
      : state_(state),
        handles_(HandleTypes::of(state)),
        slots_(handles_.slots()),
        wait_timer_([] {}) {}

  [[nodiscard]] bool usable(py::PyBorrowed callback, const char* method);
  [[nodiscard]] py::PyRef make_handle(const double* when, HandleTypes::Parts parts);
  [[nodiscard]] py::PyRef construct_handle(const py::PyRef& type, const double* when,
                                           const HandleTypes::Parts& parts);
  [[nodiscard]] bool collect_events();
  void drop_cancelled_timers();
  void collect_due_timers();
  [[nodiscard]] bool prepare_wait();
  void poll(bool wait);
  [[nodiscard]] bool run_ready();
  void end_turn();
  [[nodiscard]] bool run_handle(PyObject* handle);
  [[nodiscard]] py::PyRef call_in_context(PyObject* handle);
  [[nodiscard]] bool call_method(py::PyBorrowed object, const py::PyRef& name,
                                 py::PyBorrowed argument);

  PyObject* self_ = nullptr;  // borrowed: it owns us
  py::State& state_;
  HandleTypes& handles_;
  const HandleSlots& slots_;
  loop::Loop loop_;
  loop::FdWatch selector_watch_;
  loop::Timer wait_timer_;  // ends the poll when the first timer is due
  double wait_until_ = 0;   // what wait_timer_ was started for
  py::ReleaseQueue releases_;
  ContextSnapshot snapshot_;
  ReadyQueue ready_;
  TimerHeap timers_;
  std::size_t cancelled_timers_ = 0;
  std::vector<std::shared_ptr<void>> abandoned_;  // by other threads
  std::vector<PyObject*> companions_;
  std::vector<py::PyRef> kept_;  // references to the companions during end_turn()
  bool polling_ = false;         // written and read under the GIL only
  bool in_turn_ = false;
};

// Registers the type; false with the Python error set.
[[nodiscard]] bool add_loop_core_type(PyObject* module, py::State& state);
// The core of a loop object, or null with TypeError set.
[[nodiscard]] LoopCore* loop_core_of(PyObject* object, py::State& state);
// The same without an error.
[[nodiscard]] LoopCore* loop_core_or_null(PyObject* object, py::State& state) noexcept;

}  // namespace fasterapi::aio
