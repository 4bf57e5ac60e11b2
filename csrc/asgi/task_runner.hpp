// asgi/task_runner.hpp: one genuine asyncio.Task per request, its first step run at once, in a copy
// of the context in which the server was started (as asyncio does for protocols). Needs the GIL.
#pragma once

#include "py/state.hpp"

namespace fasterapi::asgi {

class TaskRunner {
 public:
  // False with the Python error set.
  [[nodiscard]] bool open(py::State& state, py::PyBorrowed loop);

  // To be called before a batch: the loop makes the tasks if anybody else has a say in how they are
  // made.
  void begin_batch();

  // Whether a task's first step has run when run() returns.
  [[nodiscard]] bool starts_inline() const noexcept { return direct_ && steps_are_handed_out_; }
  // The task that runs `coroutine`; it may have ended already. Null with the Python error set.
  [[nodiscard]] py::PyRef run(py::PyRef coroutine);

  [[nodiscard]] py::PyRef new_future() noexcept;
  // The loop still runs callbacks.
  [[nodiscard]] bool can_wake() const noexcept;
  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  [[nodiscard]] py::PyRef make_task(py::PyBorrowed coroutine, py::PyBorrowed context);

  py::State* state_ = nullptr;
  py::PyRef loop_;
  py::PyRef context_;
  bool create_task_is_stock_ = false;
  bool steps_are_handed_out_ = false;
  bool factory_is_attribute_ = false;  // quicker to look at than get_task_factory()
  bool direct_ = false;                // in this batch, tasks are made without loop.create_task()
};

}  // namespace fasterapi::asgi
