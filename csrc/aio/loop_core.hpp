// aio/loop_core.hpp: shows the loop to asyncio: LoopCore stands first in the MRO of
// asyncio.SelectorEventLoop and replaces its ready queue, its timers, its selector and its turn.
// Everything here holds the GIL, but for the poll.
#pragma once

#include <memory>

#include "aio/context_snapshot.hpp"
#include "aio/fd_registry.hpp"
#include "aio/handle.hpp"
#include "aio/loop_host.hpp"
#include "aio/ready_queue.hpp"
#include "aio/timer_heap.hpp"
#include "base/counters.hpp"
#include "loop/timer.hpp"

namespace fasterapi::aio {

class LoopCore final : public LoopHost, base::Counted<LoopCore> {
 public:
  // Null with the Python error set.
  [[nodiscard]] static std::unique_ptr<LoopCore> make(py::State& state);
  // To be called once before anything else: `self` is the Python loop object, which owns this.
  void bind(PyObject* self) noexcept { self_ = self; }

  [[nodiscard]] PyObject* asyncio_loop() noexcept override { return self_; }
  [[nodiscard]] bool in_loop_thread() const noexcept override;
  [[nodiscard]] ReadyQueue& ready() noexcept { return ready_; }
  [[nodiscard]] const TimerHeap& timers() const noexcept { return timers_; }

  // asyncio's methods; false, null: with the Python error set.
  [[nodiscard]] py::PyRef call_soon(py::PyBorrowed callback, py::PyBorrowed args,
                                    py::PyBorrowed context);
  [[nodiscard]] py::PyRef call_soon_threadsafe(py::PyBorrowed callback, py::PyBorrowed args,
                                               py::PyBorrowed context);
  [[nodiscard]] py::PyRef call_at(double when, py::PyBorrowed callback, py::PyBorrowed args,
                                  py::PyBorrowed context);
  [[nodiscard]] py::PyRef add_fd_callback(FdRegistry::Side side, PyObject* file,
                                          HandleTypes::Parts parts);
  [[nodiscard]] FdRegistry& fds() noexcept { return fds_; }
  [[nodiscard]] bool run_once();
  // Turns until the loop is to stop; a single one when called from within a turn.
  [[nodiscard]] bool run_until_stopping();
  [[nodiscard]] bool is_running() const noexcept { return thread_id && thread_id.get() != Py_None; }
  // Where transports read to: used only within one call.
  static constexpr std::size_t kReceiveBufferBytes = 256 * 1024;  // asyncio's max_size
  [[nodiscard]] char* receive_buffer() {
    if (!receive_buffer_)
      receive_buffer_ = std::make_unique_for_overwrite<char[]>(kReceiveBufferBytes);
    return receive_buffer_.get();
  }
  void timer_cancelled(PyObject* handle);
  void wake() noexcept { loop_.wake(); }
  void close();
  // To be called in a child process after fork(). The loop stays the parent's: here it is closed.
  void leave_parent() noexcept;
  // Whether it may be used; false with RuntimeError set.
  [[nodiscard]] bool check_open() const;
  [[nodiscard]] static double time() noexcept;

  // The attributes that asyncio's Python code sets and reads.
  bool stopping = false;
  bool debug = false;
  bool inherited = false;  // from a parent process
  py::PyRef thread_id;
  py::PyRef task_factory;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  explicit LoopCore(py::State& state) noexcept
      : LoopHost(state),
        handles_(HandleTypes::of(state)),
        slots_(handles_.slots()),
        fds_(state, slots_),
        wait_timer_([] {}) {}

  [[nodiscard]] bool usable(py::PyBorrowed callback, const char* method);
  [[nodiscard]] py::PyRef make_handle(const double* when, HandleTypes::Parts parts);
  [[nodiscard]] py::PyRef construct_handle(const py::PyRef& type, const double* when,
                                           const HandleTypes::Parts& parts);
  void drop_cancelled_timers();
  void collect_due_timers();
  [[nodiscard]] bool prepare_wait();
  [[nodiscard]] bool run_ready();
  [[nodiscard]] bool run_handle(PyObject* handle);
  [[nodiscard]] py::PyRef call_in_context(PyObject* handle);
  [[nodiscard]] bool call_method(py::PyBorrowed object, const py::PyRef& name,
                                 py::PyBorrowed argument);

  HandleTypes& handles_;
  const HandleSlots& slots_;
  FdRegistry fds_;
  loop::Timer wait_timer_;  // ends the poll when the first timer is due
  double wait_until_ = 0;   // what wait_timer_ was started for
  ContextSnapshot snapshot_;
  ReadyQueue ready_;
  TimerHeap timers_;
  std::size_t cancelled_timers_ = 0;
  std::unique_ptr<char[]> receive_buffer_;
  bool in_turn_ = false;
};

// Registers the type; false with the Python error set.
[[nodiscard]] bool add_loop_core_type(PyObject* module, py::State& state);
// The core of a loop object, or null with TypeError set.
[[nodiscard]] LoopCore* loop_core_of(PyObject* object, py::State& state);
// The same without an error.
[[nodiscard]] LoopCore* loop_core_or_null(PyObject* object, py::State& state) noexcept;

}  // namespace fasterapi::aio
