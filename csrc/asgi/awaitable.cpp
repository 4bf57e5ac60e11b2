// asgi/awaitable.cpp: see awaitable.hpp. Python 3.11 and 3.15 await through am_send, 3.12 to 3.14
// through tp_iternext.
#include "asgi/awaitable.hpp"

#include "py/type.hpp"

namespace fasterapi::asgi {
namespace {

enum class Waiting : char { ForMessage, ForDrain };

struct AwaitableObject {
  PyObject_HEAD PyObject* cycle;  // owned
  PyObject* future;               // owned: the iterator of the future it waits on, or null
  py::State* state;
  Waiting waiting;
};

AwaitableObject* as_awaitable(PyObject* self) noexcept {
  return reinterpret_cast<AwaitableObject*>(self);
}

// Null: it has to wait. Otherwise *result is the outcome, null with the Python error set.
bool complete(AwaitableObject* self, PyObject** result) {
  HttpCycle& cycle = cycle_of(self->cycle);
  if (self->waiting == Waiting::ForDrain) {
    if (!cycle.can_send()) return false;
    *result = cycle.sent().release();
  } else {
    if (!cycle.can_receive()) return false;
    *result = cycle.take_message().release();
  }
  return true;
}

bool wait_on_future(AwaitableObject* self) {
  const py::PyRef future = cycle_of(self->cycle).new_waiter();
  if (!future) return false;
  self->future = PyObject_CallMethod(future.get(), "__await__", nullptr);
  return self->future != nullptr;
}

PySendResult step(PyObject* object, PyObject* value, PyObject** result) noexcept {
  AwaitableObject* self = as_awaitable(object);
  *result = nullptr;
  try {
    while (true) {
      if (self->future) {
        const PySendResult sent = PyIter_Send(self->future, value, result);
        if (sent == PYGEN_NEXT) return sent;
        Py_CLEAR(self->future);
        if (sent == PYGEN_ERROR) return sent;
        Py_CLEAR(*result);
      }
      if (complete(self, result)) return *result ? PYGEN_RETURN : PYGEN_ERROR;
      if (!wait_on_future(self)) return PYGEN_ERROR;
    }
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return PYGEN_ERROR;
  }
}

// The same in the iterator protocol: a value is returned by StopIteration.
PyObject* step_as_iterator(PyObject* self, PyObject* value) noexcept {
  PyObject* result = nullptr;
  const PySendResult sent = step(self, value, &result);
  if (sent == PYGEN_NEXT) return result;
  if (sent == PYGEN_RETURN) {
    const py::PyRef returned = py::PyRef::steal(result);
    const auto stop = py::PyRef::steal(PyObject_CallOneArg(PyExc_StopIteration, returned.get()));
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
  }
  return nullptr;
}

PyObject* iternext(PyObject* self) noexcept { return step_as_iterator(self, Py_None); }
PyObject* itself(PyObject* self) noexcept { return Py_NewRef(self); }
PyObject* itself_method(PyObject* self, PyObject*) noexcept { return Py_NewRef(self); }

// throw(value) or throw(type, value, traceback), without a future to throw into.
PyObject* raise(PyObject* const* args, Py_ssize_t count) noexcept {
  PyObject* type = args[0];
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type)), type);
  } else {
    PyErr_SetObject(type, count > 1 && args[1] != Py_None ? args[1] : nullptr);
  }
  return nullptr;
}

PyObject* throw_method(PyObject* object, PyObject* const* args, Py_ssize_t count) noexcept {
  AwaitableObject* self = as_awaitable(object);
  if (count < 1 || count > 3) {
    PyErr_Format(PyExc_TypeError, "throw() takes 1 to 3 arguments, got %zd", count);
    return nullptr;
  }
  if (!self->future) return raise(args, count);
  const auto throw_into =
      py::PyRef::steal(PyObject_GetAttr(self->future, self->state->names.throw_.get()));
  if (!throw_into) return nullptr;
  PyObject* yielded =
      PyObject_Vectorcall(throw_into.get(), args, static_cast<std::size_t>(count), nullptr);
  if (!yielded) Py_CLEAR(self->future);
  return yielded;
}

PyObject* close_method(PyObject* object, PyObject*) noexcept {
  Py_CLEAR(as_awaitable(object)->future);
  Py_RETURN_NONE;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_awaitable(self)->cycle);
  Py_VISIT(as_awaitable(self)->future);
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(as_awaitable(self)->future);
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
  Py_CLEAR(as_awaitable(self)->cycle);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef awaitable_methods[] = {{"send", step_as_iterator, METH_O, nullptr},
                                   {"throw", py::as_method(throw_method), METH_FASTCALL, nullptr},
                                   {"close", close_method, METH_NOARGS, nullptr},
                                   {"__await__", itself_method, METH_NOARGS, nullptr},
                                   {}};

PyType_Slot awaitable_slots[] = {{Py_am_await, reinterpret_cast<void*>(itself)},
                                 {Py_am_send, reinterpret_cast<void*>(step)},
                                 {Py_tp_iter, reinterpret_cast<void*>(itself)},
                                 {Py_tp_iternext, reinterpret_cast<void*>(iternext)},
                                 {Py_tp_methods, awaitable_methods},
                                 {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                                 {Py_tp_clear, reinterpret_cast<void*>(clear)},
                                 {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                                 {0, nullptr}};

PyType_Spec awaitable_spec = {
    "fasterapi_asgi._core._Awaitable", sizeof(AwaitableObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, awaitable_slots};

// The one awaitable that is always complete: no state, so all requests share it.
PySendResult done_step(PyObject*, PyObject*, PyObject** result) noexcept {
  *result = Py_NewRef(Py_None);
  return PYGEN_RETURN;
}
PyObject* done_iternext(PyObject*) noexcept {
  return nullptr;
}  // no exception set: StopIteration with None
PyObject* done_send(PyObject*, PyObject*) noexcept {
  PyErr_SetNone(PyExc_StopIteration);
  return nullptr;
}
PyObject* done_throw(PyObject*, PyObject* const* args, Py_ssize_t count) noexcept {
  if (count > 0) return raise(args, count);
  PyErr_SetString(PyExc_TypeError, "throw() takes 1 to 3 arguments, got 0");
  return nullptr;
}
PyObject* done_close(PyObject*, PyObject*) noexcept { Py_RETURN_NONE; }

PyMethodDef done_methods[] = {{"send", done_send, METH_O, nullptr},
                              {"throw", py::as_method(done_throw), METH_FASTCALL, nullptr},
                              {"close", done_close, METH_NOARGS, nullptr},
                              {"__await__", itself_method, METH_NOARGS, nullptr},
                              {}};

PyType_Slot done_slots[] = {{Py_am_await, reinterpret_cast<void*>(itself)},
                            {Py_am_send, reinterpret_cast<void*>(done_step)},
                            {Py_tp_iter, reinterpret_cast<void*>(itself)},
                            {Py_tp_iternext, reinterpret_cast<void*>(done_iternext)},
                            {Py_tp_methods, done_methods},
                            {0, nullptr}};

PyType_Spec done_spec = {"fasterapi_asgi._core._Done", sizeof(PyObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, done_slots};

py::PyRef make_awaitable(py::State& state, py::PyBorrowed cycle, Waiting waiting) {
  auto* type = reinterpret_cast<PyTypeObject*>(state.awaitable_type.get());
  py::PyRef made = py::PyRef::steal(type->tp_alloc(type, 0));
  if (!made) return made;
  AwaitableObject* self = as_awaitable(made.get());
  self->cycle = Py_NewRef(cycle);
  self->state = &state;
  self->waiting = waiting;
  return made;
}

bool register_coroutine(const py::PyRef& type) {
  const auto abc = py::PyRef::steal(PyImport_ImportModule("collections.abc"));
  const auto coroutine =
      py::PyRef::steal(abc ? PyObject_GetAttrString(abc.get(), "Coroutine") : nullptr);
  return coroutine &&
         py::PyRef::steal(PyObject_CallMethod(coroutine.get(), "register", "O", type.get()));
}

}  // namespace

bool add_awaitable_types(PyObject* module, py::State& state) {
  state.awaitable_type = py::make_type(module, awaitable_spec, false);
  state.done_type = py::make_type(module, done_spec, false);
  if (!state.awaitable_type || !state.done_type) return false;
  auto* type = reinterpret_cast<PyTypeObject*>(state.done_type.get());
  state.done = py::PyRef::steal(type->tp_alloc(type, 0));
  return state.done && register_coroutine(state.awaitable_type) &&
         register_coroutine(state.done_type);
}

py::PyRef await_message(py::State& state, py::PyBorrowed cycle) {
  return make_awaitable(state, cycle, Waiting::ForMessage);
}

py::PyRef await_drain(py::State& state, py::PyBorrowed cycle) {
  return make_awaitable(state, cycle, Waiting::ForDrain);
}

}  // namespace fasterapi::asgi
