// aio/loop_core_type.cpp: the Python type LoopCore: argument parsing and attributes around
// aio/loop_core.
#include <cmath>
#include <memory>

#include "aio/call_arguments.hpp"
#include "aio/create_task.hpp"
#include "aio/loop_core.hpp"
#include "py/type.hpp"

namespace fasterapi::aio {
namespace {

struct LoopCoreObject {
  PyObject_HEAD LoopCore* core;  // owned
};

LoopCore& core_of(PyObject* self) noexcept {
  return *reinterpret_cast<LoopCoreObject*>(self)->core;
}

PyObject* loop_new(PyTypeObject* type, PyObject*, PyObject*) noexcept {
  return py::py_entry([&]() -> PyObject* {
    py::State* state = py::state_of_type(type);
    if (!state) return nullptr;
    // The core comes first: asyncio's __del__ would use that of an object that got none.
    auto core = LoopCore::make(*state);
    if (!core) return nullptr;
    PyObject* self = type->tp_alloc(type, 0);
    if (!self) return nullptr;
    core->bind(self);
    reinterpret_cast<LoopCoreObject*>(self)->core = core.release();
    return self;
  });
}

int loop_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const LoopCore* core = reinterpret_cast<LoopCoreObject*>(self)->core;
  return core ? core->traverse(visit, arg) : 0;
}

int loop_clear(PyObject* self) {
  if (LoopCore* core = reinterpret_cast<LoopCoreObject*>(self)->core) core->clear();
  return 0;
}

void loop_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  auto* object = reinterpret_cast<LoopCoreObject*>(self);
  if (const std::unique_ptr<LoopCore> core{std::exchange(object->core, nullptr)}) core->close();
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* call_soon(PyObject* self, PyObject* const* args, Py_ssize_t count,
                    PyObject* names) noexcept {
  return py::py_entry([&]() -> PyObject* {
    CallArguments call;
    if (!call.parse({"call_soon"}, core_of(self).state(), args, count, names)) return nullptr;
    return core_of(self).call_soon(call.callback, call.args.get(), call.context).release();
  });
}

PyObject* call_soon_threadsafe(PyObject* self, PyObject* const* args, Py_ssize_t count,
                               PyObject* names) noexcept {
  return py::py_entry([&]() -> PyObject* {
    CallArguments call;
    if (!call.parse({"call_soon_threadsafe"}, core_of(self).state(), args, count, names))
      return nullptr;
    return core_of(self)
        .call_soon_threadsafe(call.callback, call.args.get(), call.context)
        .release();
  });
}

// The time of a call; -1 with the Python error set.
double time_of(PyObject* given, bool relative) {
  if (given == Py_None) {
    PyErr_SetString(PyExc_TypeError, relative ? "delay must not be None" : "when cannot be None");
    return -1;
  }
  const double time = PyFloat_AsDouble(given);
  if (time == -1 && PyErr_Occurred()) {
    if (relative && PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Format(PyExc_TypeError, "unsupported operand type(s) for +: 'float' and '%.100s'",
                   Py_TYPE(given)->tp_name);
    }
    return -1;
  }
  if (std::isnan(time)) {
    PyErr_SetString(PyExc_ValueError, relative ? "delay cannot be NaN" : "when cannot be NaN");
    return -1;
  }
  return time;
}

PyObject* call_timed(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names,
                     bool relative) noexcept {
  return py::py_entry([&]() -> PyObject* {
    CallArguments call;
    const CallSignature signature =
        relative ? CallSignature{"call_later", "delay"} : CallSignature{"call_at", "when"};
    if (!call.parse(signature, core_of(self).state(), args, count, names)) return nullptr;
    double when = time_of(call.own, relative);
    if (when == -1 && PyErr_Occurred()) return nullptr;
    if (relative) when += LoopCore::time();
    return core_of(self).call_at(when, call.callback, call.args.get(), call.context).release();
  });
}

PyObject* call_at(PyObject* self, PyObject* const* args, Py_ssize_t count,
                  PyObject* names) noexcept {
  return call_timed(self, args, count, names, false);
}

PyObject* call_later(PyObject* self, PyObject* const* args, Py_ssize_t count,
                     PyObject* names) noexcept {
  return call_timed(self, args, count, names, true);
}

PyObject* time_(PyObject*, PyObject*) noexcept { return PyFloat_FromDouble(LoopCore::time()); }

// run_forever() calls it until the loop is to stop: as many turns at once as there are until then.
PyObject* run_once(PyObject* self, PyObject*) noexcept {
  return py::py_entry([&]() -> PyObject* {
    LoopCore& core = core_of(self);
    if (!(core.is_running() ? core.run_until_stopping() : core.run_once())) return nullptr;
    Py_RETURN_NONE;
  });
}

PyObject* add_callback(PyObject* self, PyObject* handle) noexcept {
  return py::py_entry([&]() -> PyObject* {
    core_of(self).ready().push(py::PyRef::borrow(handle));
    Py_RETURN_NONE;
  });
}

PyObject* add_callback_signalsafe(PyObject* self, PyObject* handle) noexcept {
  PyObject* added = add_callback(self, handle);
  core_of(self).wake();
  return added;
}

PyObject* write_to_self(PyObject* self, PyObject*) noexcept {
  core_of(self).wake();
  Py_RETURN_NONE;
}

PyObject* timer_handle_cancelled(PyObject* self, PyObject* handle) noexcept {
  LoopCore& core = core_of(self);
  auto* timer_class = reinterpret_cast<PyTypeObject*>(core.state().timer_class.get());
  if (PyObject_TypeCheck(handle, timer_class)) core.timer_cancelled(handle);
  Py_RETURN_NONE;
}

// fd, callback, *args, context=None
template <FdRegistry::Side side>
PyObject* add_fd_callback(PyObject* self, PyObject* const* args, Py_ssize_t count,
                          PyObject* names) noexcept {
  return py::py_entry([&]() -> PyObject* {
    constexpr const char* method = side == FdRegistry::Side::Read ? "_add_reader" : "_add_writer";
    CallArguments call;
    LoopCore& core = core_of(self);
    if (!call.parse({method, "fd"}, core.state(), args, count, names)) return nullptr;
    return core
        .add_fd_callback(side, call.own, {call.callback, call.args.get(), self, call.context})
        .release();
  });
}

template <FdRegistry::Side side>
PyObject* remove_fd_callback(PyObject* self, PyObject* file) noexcept {
  return py::py_entry([&]() -> PyObject* {
    LoopCore& core = core_of(self);
    const int removed = core.closed ? 0 : core.fds().remove(side, file);
    return removed < 0 ? nullptr : PyBool_FromLong(removed);
  });
}

PyObject* watched_fds(PyObject* self, PyObject*) noexcept {
  return py::py_entry([&] { return core_of(self).fds().as_dict().release(); });
}

PyObject* close_core(PyObject* self, PyObject*) noexcept {
  core_of(self).close();
  Py_RETURN_NONE;
}

PyObject* leave_parent(PyObject* self, PyObject*) noexcept {
  core_of(self).leave_parent();
  Py_RETURN_NONE;
}

PyObject* check_closed(PyObject* self, PyObject*) noexcept {
  if (!core_of(self).check_open()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* create_task_method(PyObject* self, PyObject* const* args, Py_ssize_t count,
                             PyObject* names) noexcept {
  return py::py_entry([&] { return create_task(core_of(self), args, count, names); });
}

PyObject* create_future(PyObject* self, PyObject*) noexcept {
  py::State& state = core_of(self).state();
  PyObject* arguments[] = {self};
  return PyObject_Vectorcall(state.future_class.get(), arguments, 0, state.loop_keyword.get());
}

PyObject* is_running(PyObject* self, PyObject*) noexcept {
  return PyBool_FromLong(core_of(self).is_running());
}
PyObject* is_closed(PyObject* self, PyObject*) noexcept {
  return PyBool_FromLong(core_of(self).closed);
}
PyObject* get_debug(PyObject* self, PyObject*) noexcept {
  return PyBool_FromLong(core_of(self).debug);
}

template <auto flag>
PyObject* get_flag(PyObject* self, void*) noexcept {
  return PyBool_FromLong(core_of(self).*flag);
}

template <auto flag>
int set_flag(PyObject* self, PyObject* value, void*) noexcept {
  const int truth = value ? PyObject_IsTrue(value) : 0;
  if (truth >= 0) core_of(self).*flag = truth != 0;
  return truth < 0 ? -1 : 0;
}

template <py::PyRef LoopCore::* object>
PyObject* get_object(PyObject* self, void*) noexcept {
  const py::PyRef& held = core_of(self).*object;
  return Py_NewRef(held ? held.get() : Py_None);
}

template <py::PyRef LoopCore::* object>
int set_object(PyObject* self, PyObject* value, void*) noexcept {
  core_of(self).*object = py::PyRef::borrow(value);
  return 0;
}

int ignore_assignment(PyObject*, PyObject*, void*) noexcept {
  return 0;
}  // asyncio's __init__ brings its own

PyObject* get_scheduled(PyObject* self, void*) noexcept {
  const auto& entries = core_of(self).timers().entries();
  py::PyRef list = py::PyRef::steal(PyList_New(0));
  for (const auto& entry : entries) {
    if (!list || PyList_Append(list.get(), entry.handle) < 0) return nullptr;
  }
  return list.release();
}

// What asyncio's Python code calls `_ready`: append() and clear() of its deque, on our ring.
struct ReadyQueueObject {
  PyObject_HEAD PyObject* loop;  // owned
};

PyObject* get_ready(PyObject* self, void*) noexcept {
  py::State& state = core_of(self).state();
  auto* type = reinterpret_cast<PyTypeObject*>(state.ready_queue_type.get());
  auto* queue = reinterpret_cast<ReadyQueueObject*>(type->tp_alloc(type, 0));
  if (queue) queue->loop = Py_NewRef(self);
  return reinterpret_cast<PyObject*>(queue);
}

ReadyQueue& queue_of(PyObject* self) noexcept {
  return core_of(reinterpret_cast<ReadyQueueObject*>(self)->loop).ready();
}

PyObject* queue_append(PyObject* self, PyObject* handle) noexcept {
  return add_callback(reinterpret_cast<ReadyQueueObject*>(self)->loop, handle);
}

PyObject* queue_clear_method(PyObject* self, PyObject*) noexcept {
  queue_of(self).clear();
  Py_RETURN_NONE;
}

// Who takes a handle out means to run the loop in place of us.
PyObject* queue_popleft(PyObject*, PyObject*) noexcept {
  PyErr_SetString(
      PyExc_RuntimeError,
      "the turns of this event loop are C++ and cannot be replaced: nest_asyncio and its "
      "like need asyncio's own loop");
  return nullptr;
}

Py_ssize_t queue_length(PyObject* self) { return static_cast<Py_ssize_t>(queue_of(self).size()); }

int queue_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(reinterpret_cast<ReadyQueueObject*>(self)->loop);
  return 0;
}

int queue_clear(PyObject* self) {
  Py_CLEAR(reinterpret_cast<ReadyQueueObject*>(self)->loop);
  return 0;
}

void queue_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  queue_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef loop_methods[] = {
    {"call_soon", py::as_method(call_soon), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"call_soon_threadsafe", py::as_method(call_soon_threadsafe), METH_FASTCALL | METH_KEYWORDS,
     nullptr},
    {"call_at", py::as_method(call_at), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"call_later", py::as_method(call_later), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"time", time_, METH_NOARGS, nullptr},
    {"create_task", py::as_method(create_task_method), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"create_future", create_future, METH_NOARGS, nullptr},
    {"is_running", is_running, METH_NOARGS, nullptr},
    {"is_closed", is_closed, METH_NOARGS, nullptr},
    {"get_debug", get_debug, METH_NOARGS, nullptr},
    {"_run_once", run_once, METH_NOARGS, nullptr},
    {"_add_callback", add_callback, METH_O, nullptr},
    {"_add_callback_signalsafe", add_callback_signalsafe, METH_O, nullptr},
    {"_write_to_self", write_to_self, METH_NOARGS, nullptr},
    {"_timer_handle_cancelled", timer_handle_cancelled, METH_O, nullptr},
    {"_add_reader", py::as_method(add_fd_callback<FdRegistry::Side::Read>),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_add_writer", py::as_method(add_fd_callback<FdRegistry::Side::Write>),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_remove_reader", remove_fd_callback<FdRegistry::Side::Read>, METH_O, nullptr},
    {"_remove_writer", remove_fd_callback<FdRegistry::Side::Write>, METH_O, nullptr},
    {"_watched_fds", watched_fds, METH_NOARGS, nullptr},
    {"_close_core", close_core, METH_NOARGS, nullptr},
    {"_leave_parent", leave_parent, METH_NOARGS, nullptr},
    {"_check_closed", check_closed, METH_NOARGS, nullptr},
    {}};

PyGetSetDef loop_attributes[] = {
    {"_stopping", get_flag<&LoopCore::stopping>, set_flag<&LoopCore::stopping>, nullptr, nullptr},
    {"_closed", get_flag<&LoopCore::closed>, set_flag<&LoopCore::closed>, nullptr, nullptr},
    {"_debug", get_flag<&LoopCore::debug>, set_flag<&LoopCore::debug>, nullptr, nullptr},
    {"_inherited", get_flag<&LoopCore::inherited>, nullptr, nullptr, nullptr},
    {"_thread_id", get_object<&LoopCore::thread_id>, set_object<&LoopCore::thread_id>, nullptr,
     nullptr},
    {"_task_factory", get_object<&LoopCore::task_factory>, set_object<&LoopCore::task_factory>,
     nullptr, nullptr},
    {"_ready", get_ready, ignore_assignment, nullptr, nullptr},
    {"_scheduled", get_scheduled, ignore_assignment, nullptr, nullptr},
    {}};

PyType_Slot loop_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(loop_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(loop_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(loop_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(loop_clear)},
    {Py_tp_methods, loop_methods},
    {Py_tp_getset, loop_attributes},
    {Py_tp_doc, const_cast<char*>("The loop body; see fasterapi_asgi.EventLoop.")},
    {0, nullptr}};

PyType_Spec loop_spec = {"fasterapi_asgi._core.LoopCore", sizeof(LoopCoreObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, loop_slots};

PyMethodDef queue_methods[] = {{"append", queue_append, METH_O, nullptr},
                               {"clear", queue_clear_method, METH_NOARGS, nullptr},
                               {"popleft", queue_popleft, METH_NOARGS, nullptr},
                               {}};

PyType_Slot queue_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(queue_dealloc)},
                             {Py_tp_traverse, reinterpret_cast<void*>(queue_traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(queue_clear)},
                             {Py_tp_methods, queue_methods},
                             {Py_sq_length, reinterpret_cast<void*>(queue_length)},
                             {0, nullptr}};

PyType_Spec queue_spec = {
    "fasterapi_asgi._core._ReadyQueue", sizeof(ReadyQueueObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, queue_slots};

}  // namespace

bool add_loop_core_type(PyObject* module, py::State& state) {
  state.loop_core_type = py::make_type(module, loop_spec, true);
  state.ready_queue_type = py::make_type(module, queue_spec, false);
  return state.loop_core_type && state.ready_queue_type;
}

LoopCore* loop_core_or_null(PyObject* object, py::State& state) noexcept {
  auto* type = reinterpret_cast<PyTypeObject*>(state.loop_core_type.get());
  return object && PyObject_TypeCheck(object, type) ? &core_of(object) : nullptr;
}

LoopCore* loop_core_of(PyObject* object, py::State& state) {
  if (LoopCore* core = loop_core_or_null(object, state)) return core;
  PyErr_Format(PyExc_TypeError, "loop must be a fasterapi_asgi.EventLoop, not %.100s",
               Py_TYPE(object)->tp_name);
  return nullptr;
}

}  // namespace fasterapi::aio
