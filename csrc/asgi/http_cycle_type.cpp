// asgi/http_cycle_type.cpp: the Python type RequestCycle around asgi/http_cycle.
#include <new>

#include "asgi/http_cycle.hpp"
#include "py/type.hpp"

namespace fasterapi::asgi {
namespace {

struct CycleObject {
  PyObject_HEAD alignas(HttpCycle) char core[sizeof(HttpCycle)];
};

PyObject* receive(PyObject* self, PyObject*) noexcept {
  return py::py_entry([&] { return cycle_of(self).receive().release(); });
}

PyObject* send(PyObject* self, PyObject* message) noexcept {
  return py::py_entry([&] { return cycle_of(self).send(message).release(); });
}

PyObject* returned(PyObject* self, PyObject* result) noexcept {
  return py::py_entry([&] { return cycle_of(self).returned(result).release(); });
}

PyObject* failed(PyObject* self, PyObject*) noexcept {
  return py::py_entry([&]() -> PyObject* {
    cycle_of(self).failed();
    Py_RETURN_NONE;
  });
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return cycle_of(self).traverse(visit, arg);
}

int clear(PyObject* self) {
  cycle_of(self).clear();
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  cycle_of(self).~HttpCycle();
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"receive", receive, METH_NOARGS, "receive($self, /)\n--\n\nReturn the next event."},
    {"send", send, METH_O, "send($self, message, /)\n--\n\nTake a part of the response."},
    {"returned", returned, METH_O, "returned($self, result, /)\n--\n\nThe application returned."},
    {"failed", failed, METH_NOARGS, "failed($self, /)\n--\n\nThe application raised."},
    {}};

PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {Py_tp_methods, methods},
                       {Py_tp_doc, const_cast<char*>("One request as the application sees it.")},
                       {0, nullptr}};

PyType_Spec spec = {"fasterapi_asgi._core.RequestCycle", sizeof(CycleObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

HttpCycle& cycle_of(PyObject* object) noexcept {
  return *std::launder(reinterpret_cast<HttpCycle*>(reinterpret_cast<CycleObject*>(object)->core));
}

bool add_cycle_type(PyObject* module, py::State& state) {
  state.cycle_type = py::make_type(module, spec, true);
  return static_cast<bool>(state.cycle_type);
}

py::PyRef new_cycle(py::State& state, Application& application, server::Exchange& exchange,
                    py::PyRef scope) {
  auto* type = reinterpret_cast<PyTypeObject*>(state.cycle_type.get());
  // Not tp_alloc: the collector must not see the object before its C++ part is made.
  auto* object = PyObject_GC_New(CycleObject, type);
  if (!object) return {};
  new (object->core) HttpCycle(reinterpret_cast<PyObject*>(object), state, application, exchange,
                               std::move(scope));
  PyObject_GC_Track(object);
  return py::PyRef::steal(reinterpret_cast<PyObject*>(object));
}

}  // namespace fasterapi::asgi
