// aio/handle_slots.cpp: see handle_slots.hpp.
#include "aio/handle_slots.hpp"

#include <structmember.h>

namespace fasterapi::aio {
namespace {

bool find_slot(PyObject* type, const char* name, Py_ssize_t& offset) {
  const auto descriptor = py::PyRef::steal(PyObject_GetAttrString(type, name));
  if (!descriptor) return false;
  if (!Py_IS_TYPE(descriptor.get(), &PyMemberDescr_Type)) {
    PyErr_Format(PyExc_ImportError,
                 "asyncio's %s has no slot '%s': this Python is not supported yet",
                 reinterpret_cast<PyTypeObject*>(type)->tp_name, name);
    return false;
  }
  offset = reinterpret_cast<PyMemberDescrObject*>(descriptor.get())->d_member->offset;
  return true;
}

}  // namespace

bool HandleSlots::find(const py::State& state) {
  PyObject* handle = state.handle_class.get();
  PyObject* timer = state.timer_class.get();
  return find_slot(handle, "_callback", callback_) && find_slot(handle, "_args", args_) &&
         find_slot(handle, "_cancelled", cancelled_) && find_slot(handle, "_loop", loop_) &&
         find_slot(handle, "_source_traceback", source_traceback_) &&
         find_slot(handle, "_repr", repr_) && find_slot(handle, "_context", context_) &&
         find_slot(timer, "_scheduled", scheduled_) && find_slot(timer, "_when", when_);
}

py::PyRef HandleSlots::make(PyTypeObject* type, const Parts& parts) const noexcept {
  py::PyRef made = py::PyRef::steal(type->tp_alloc(type, 0));
  if (!made) return made;
  PyObject* handle = made.get();
  slot(handle, callback_) = Py_NewRef(parts.callback);
  slot(handle, args_) = Py_NewRef(parts.args);
  slot(handle, cancelled_) = Py_NewRef(Py_False);
  slot(handle, loop_) = Py_NewRef(parts.loop);
  slot(handle, source_traceback_) = Py_NewRef(Py_None);
  slot(handle, repr_) = Py_NewRef(Py_None);
  slot(handle, context_) = Py_NewRef(parts.context);
  return made;
}

py::PyRef HandleSlots::make_timer(PyTypeObject* type, double when,
                                  const Parts& parts) const noexcept {
  py::PyRef made = make(type, parts);
  PyObject* time = made ? PyFloat_FromDouble(when) : nullptr;
  if (!time) return {};
  slot(made.get(), when_) = time;
  slot(made.get(), scheduled_) = Py_NewRef(Py_True);
  return made;
}

}  // namespace fasterapi::aio
