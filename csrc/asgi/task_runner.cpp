// asgi/task_runner.cpp: see task_runner.hpp.
#include "asgi/task_runner.hpp"

#include "py/error.hpp"
#include "py/step_capture.hpp"

namespace fasterapi::asgi {
namespace {

// uvloop's class is compiled: a function of its module is no replacement.
bool is_uvloops(const py::State& state, PyObject* function) {
  if (PyFunction_Check(function)) return false;
  const auto module = py::PyRef::steal(PyObject_GetAttr(function, state.names.__module__.get()));
  if (!module) return PyErr_Clear(), false;  // AttributeError
  return PyUnicode_Check(module.get()) &&
         PyUnicode_CompareWithASCIIString(module.get(), "uvloop.loop") == 0;
}

// Whether loop.create_task is what asyncio or uvloop defines, or our loop's own as long as
// asyncio's is: monitoring agents replace it, on the class or on the instance.
bool is_stock_create_task(const py::State& state, PyObject* loop) {
  const auto bound = py::PyRef::steal(PyObject_GetAttr(loop, state.names.create_task.get()));
  const auto inherited = py::PyRef::steal(
      PyObject_GetAttr(state.selector_loop_class.get(), state.names.create_task.get()));
  if (!bound || !inherited) return PyErr_Clear(), false;  // only AttributeError is possible
  if (inherited.get() != state.asyncios_create_task.get()) return false;
  if (PyMethod_Check(bound.get())) {
    PyObject* function = PyMethod_GET_FUNCTION(bound.get());
    return function == inherited.get() || is_uvloops(state, function);
  }
  return PyCFunction_Check(bound.get()) && PyCFunction_GET_SELF(bound.get()) == loop;
}

// Whether the first step of a task that we make can be run at once. Before eager tasks, only our
// own loop hands it out (py::StepCapture).
bool hands_out_steps([[maybe_unused]] const py::State& state, [[maybe_unused]] PyObject* loop) {
#if PY_VERSION_HEX >= 0x030C0000
  return true;
#else
  auto* own = reinterpret_cast<PyTypeObject*>(state.loop_core_type.get());
  return PyObject_TypeCheck(loop, own);
#endif
}

}  // namespace

bool TaskRunner::open(py::State& state, py::PyBorrowed loop) {
  state_ = &state;
  loop_ = py::PyRef::borrow(loop);
  context_ = py::PyRef::steal(PyContext_CopyCurrent());
  create_task_is_stock_ = is_stock_create_task(state, loop);
  steps_are_handed_out_ = hands_out_steps(state, loop);
  factory_is_attribute_ = PyObject_HasAttr(loop, state.names._task_factory.get()) != 0;
  return static_cast<bool>(context_);
}

void TaskRunner::begin_batch() {
  if (!create_task_is_stock_) return;
  const auto factory = py::PyRef::steal(
      factory_is_attribute_
          ? PyObject_GetAttr(loop_.get(), state_->names._task_factory.get())
          : PyObject_CallMethodNoArgs(loop_.get(), state_->names.get_task_factory.get()));
  const auto debug =
      py::PyRef::steal(PyObject_CallMethodNoArgs(loop_.get(), state_->names.get_debug.get()));
  if (!factory || !debug) PyErr_Clear();  // a loop without these attributes: it makes the tasks
  direct_ = factory && factory.get() == Py_None && debug && debug.get() == Py_False;
}

py::PyRef TaskRunner::run(py::PyRef coroutine) {
  // A copy per request: what one request sets, the next one on the connection must not see.
  const auto context = py::PyRef::steal(PyContext_Copy(context_.get()));
  if (!context) return {};
  if (direct_) return make_task(coroutine.get(), context.get());
  const auto create_task =
      py::PyRef::steal(PyObject_GetAttr(loop_.get(), state_->names.create_task.get()));
  if (!create_task) return {};
  PyObject* arguments[] = {coroutine.get(), context.get()};
  return py::PyRef::steal(
      PyObject_Vectorcall(create_task.get(), arguments, 1, state_->context_keyword.get()));
}

#if PY_VERSION_HEX >= 0x030C0000
py::PyRef TaskRunner::make_task(py::PyBorrowed coroutine, py::PyBorrowed context) {
  PyObject* arguments[] = {coroutine, loop_.get(), context, Py_True};
  return py::PyRef::steal(
      PyObject_Vectorcall(state_->task_class.get(), arguments, 1, state_->task_keywords.get()));
}
#else
py::PyRef TaskRunner::make_task(py::PyBorrowed coroutine, py::PyBorrowed context) {
  PyObject* arguments[] = {coroutine, loop_.get(), context, state_->request_task_name.get()};
  py::PyRef task;
  py::PyRef step;
  {
    py::StepCapture capture(
        *state_, context);  // of the constructor alone: what the step itself schedules is queued
    task = py::PyRef::steal(
        PyObject_Vectorcall(state_->task_class.get(), arguments, 1, state_->task_keywords.get()));
    step = capture.take_step();
  }
  if (!task || !step) return task;  // without a step: it is queued
  if (PyContext_Enter(context) < 0) return {};
  const auto stepped = py::PyRef::steal(PyObject_CallNoArgs(step.get()));
  const py::PyRef error = stepped ? py::PyRef() : py::fetch_error();
  if (PyContext_Exit(context) < 0) return {};
  if (error) py::raise(error);
  return stepped ? std::move(task) : py::PyRef();
}
#endif

py::PyRef TaskRunner::new_future() noexcept {
  return py::PyRef::steal(
      PyObject_CallMethodNoArgs(loop_.get(), state_->names.create_future.get()));
}

bool TaskRunner::can_wake() const noexcept {
  if (!loop_) return false;
  const auto closed = py::PyRef::steal(PyObject_CallMethod(loop_.get(), "is_closed", nullptr));
  if (!closed) PyErr_Clear();  // a loop object without is_closed(): nothing can be said
  return closed.get() == Py_False;
}

int TaskRunner::traverse(visitproc visit, void* arg) const {
  Py_VISIT(loop_.get());
  Py_VISIT(context_.get());
  return 0;
}

void TaskRunner::clear() noexcept {
  loop_.reset();
  context_.reset();
}

}  // namespace fasterapi::asgi
