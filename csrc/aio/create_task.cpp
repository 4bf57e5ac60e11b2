// aio/create_task.cpp: see create_task.hpp.
#include "aio/create_task.hpp"

#include <algorithm>
#include <array>

namespace fasterapi::aio {
namespace {

constexpr Py_ssize_t kMostArguments = 3;  // coroutine, name, context

// Whether they are what asyncio.Task takes, too. What is wrong asyncio says.
bool are_plain(const py::Names& names, Py_ssize_t count, PyObject* keywords) {
  if (count != 1) return false;
  const Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t index = 0; index < given; ++index) {
    PyObject* keyword = PyTuple_GET_ITEM(keywords, index);
    if (keyword != names.name.get() && keyword != names.context.get()) return false;
  }
  return given < kMostArguments;
}

PyObject* make_task(LoopCore& core, PyObject* const* args, Py_ssize_t given, PyObject* keywords) {
  const py::State& state = core.state();
  std::array<PyObject*, kMostArguments + 1> all{};
  std::copy_n(args, given, all.begin());
  all[static_cast<std::size_t>(given)] = core.self();
  py::PyRef names = py::PyRef::borrow(state.loop_keyword.get());
  if (keywords) names = py::PyRef::steal(PySequence_Concat(keywords, state.loop_keyword.get()));
  // Looked up for each, as asyncio does: one that a test or an agent put there in Task's place
  // counts.
  const auto task_class =
      py::PyRef::steal(PyObject_GetItem(state.tasks_namespace.get(), state.names.Task.get()));
  if (!names || !task_class) return nullptr;
  return PyObject_Vectorcall(task_class.get(), all.data(), 1, names.get());
}

}  // namespace

PyObject* create_task(LoopCore& core, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const py::State& state = core.state();
  // Monitoring agents replace it on asyncio's class: then theirs is called.
  const auto inherited = py::PyRef::steal(
      PyObject_GetAttr(state.selector_loop_class.get(), state.names.create_task.get()));
  if (!inherited) return nullptr;
  const Py_ssize_t given = count + (names ? PyTuple_GET_SIZE(names) : 0);
  const bool has_factory = core.task_factory && core.task_factory.get() != Py_None;
  if (inherited.get() == state.asyncios_create_task.get() && !has_factory && !core.closed &&
      !core.debug && are_plain(state.names, count, names)) {
    return make_task(core, args, given, names);
  }
  const auto all = py::PyRef::steal(PyTuple_New(given + 1));
  if (!all) return nullptr;
  PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(core.self()));
  for (Py_ssize_t index = 0; index < given; ++index)
    PyTuple_SET_ITEM(all.get(), index + 1, Py_NewRef(args[index]));
  return PyObject_Vectorcall(inherited.get(), &PyTuple_GET_ITEM(all.get(), 0),
                             static_cast<std::size_t>(count + 1), names);
}

}  // namespace fasterapi::aio
