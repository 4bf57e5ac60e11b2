// aio/guest_loop_type.cpp: the Python type GuestLoop around aio/guest_loop.
#include "aio/guest_loop.hpp"

#include <structmember.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "py/error.hpp"
#include "py/type.hpp"

namespace fasterapi::aio {
namespace {

struct GuestLoopObject {
  PyObject_HEAD GuestLoop* core;  // owned
  PyObject* weak_references;
};

GuestLoop& core_of(PyObject* self) noexcept {
  return *reinterpret_cast<GuestLoopObject*>(self)->core;
}

PyObject* guest_new(PyTypeObject* type, PyObject* args, PyObject* keywords) noexcept {
  return py::py_entry([&]() -> PyObject* {
    static const char* const names[] = {"loop", nullptr};
    PyObject* loop = nullptr;
    py::State* state = py::state_of_type(type);
    if (!state || !PyArg_ParseTupleAndKeywords(args, keywords, "O:GuestLoop",
                                               const_cast<char**>(names), &loop)) {
      return nullptr;
    }
    auto core = GuestLoop::make(*state, py::PyRef::borrow(loop));
    py::PyRef self = py::PyRef::steal(core ? type->tp_alloc(type, 0) : nullptr);
    if (!self) return nullptr;
    reinterpret_cast<GuestLoopObject*>(self.get())->core = core.release();
    return core_of(self.get()).start(self.get()) ? self.release() : nullptr;
  });
}

int guest_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const GuestLoop* core = reinterpret_cast<GuestLoopObject*>(self)->core;
  return core ? core->traverse(visit, arg) : 0;
}

int guest_clear(PyObject* self) {
  core_of(self).clear();
  return 0;
}

void guest_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  PyObject_ClearWeakRefs(self);
  auto* object = reinterpret_cast<GuestLoopObject*>(self);
  if (const std::unique_ptr<GuestLoop> core{std::exchange(object->core, nullptr)}) {
    const py::ErrorKept kept;
    core->close();
  }
  type->tp_free(self);
  Py_DECREF(type);
}

template <bool (GuestLoop::*call)()>
PyObject* made_by_loop(PyObject* self, PyObject*) noexcept {
  return py::py_entry([&]() -> PyObject* {
    if (!(core_of(self).*call)()) return nullptr;
    Py_RETURN_NONE;
  });
}

PyObject* close_(PyObject* self, PyObject*) noexcept {
  return py::py_entry([&]() -> PyObject* {
    if (!core_of(self).in_loop_thread()) {
      PyErr_SetString(PyExc_RuntimeError,
                      "a GuestLoop belongs to the thread of its loop: use call_soon_threadsafe()");
      return nullptr;
    }
    core_of(self).close();
    Py_RETURN_NONE;
  });
}

PyObject* leave_parent(PyObject* self, PyObject*) noexcept {
  core_of(self).leave_parent();
  Py_RETURN_NONE;
}

PyObject* get_loop(PyObject* self, void*) noexcept {
  PyObject* loop = core_of(self).asyncio_loop();
  return Py_NewRef(loop ? loop : Py_None);
}

PyObject* get_turns(PyObject* self, void*) noexcept {
  return PyLong_FromUnsignedLongLong(core_of(self).turns());
}

PyMethodDef methods[] = {
    {"pump", made_by_loop<&GuestLoop::pump>, METH_NOARGS,
     "pump($self, /)\n--\n\nMake a turn: poll, serve, send."},
    {"_on_soon", made_by_loop<&GuestLoop::on_soon>, METH_NOARGS, nullptr},
    {"_on_timer", made_by_loop<&GuestLoop::on_timer>, METH_NOARGS, nullptr},
    {"close", close_, METH_NOARGS, "close($self, /)\n--\n\nLeave the loop as it was before."},
    {"_leave_parent", leave_parent, METH_NOARGS, nullptr},
    {}};

PyMemberDef members[] = {{"__weaklistoffset__", T_PYSSIZET,
                          offsetof(GuestLoopObject, weak_references), READONLY, nullptr},
                         {}};

PyGetSetDef attributes[] = {{"loop", get_loop, nullptr, "The loop that pumps.", nullptr},
                            {"turns", get_turns, nullptr, "Turns made so far.", nullptr},
                            {}};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(guest_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(guest_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(guest_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(guest_clear)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, attributes},
    {Py_tp_doc, const_cast<char*>("Lets an HttpServer serve in a loop of somebody else.")},
    {0, nullptr}};

PyType_Spec spec = {"fasterapi_asgi._core.GuestLoop", sizeof(GuestLoopObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool add_guest_loop_type(PyObject* module, py::State& state) {
  state.guest_loop_type = py::make_type(module, spec, true);
  return static_cast<bool>(state.guest_loop_type);
}

GuestLoop* guest_loop_of(PyObject* object, py::State& state) noexcept {
  const bool is_guest =
      PyObject_TypeCheck(object, reinterpret_cast<PyTypeObject*>(state.guest_loop_type.get()));
  return is_guest ? &core_of(object) : nullptr;
}

}  // namespace fasterapi::aio
