// aio/slots.hpp: reads attributes that a Python class keeps in __slots__ without asking Python.
#pragma once

// clang-format off: Python.h comes before structmember.h, which needs it
#include "py/ref.hpp"
#include <structmember.h>
// clang-format on

namespace fasterapi::aio {

// Where instances of `type` and of its subclasses keep the attribute. -1 with ImportError set if it
// is not in a slot: then this Python is not one that we know.
[[nodiscard]] inline Py_ssize_t find_slot(PyObject* type, const char* name) {
  const auto descriptor = py::PyRef::steal(PyObject_GetAttrString(type, name));
  if (!descriptor) return -1;
  if (Py_IS_TYPE(descriptor.get(), &PyMemberDescr_Type)) {
    return reinterpret_cast<PyMemberDescrObject*>(descriptor.get())->d_member->offset;
  }
  PyErr_Format(PyExc_ImportError, "asyncio's %s has no slot '%s': this Python is not supported yet",
               reinterpret_cast<PyTypeObject*>(type)->tp_name, name);
  return -1;
}

[[nodiscard]] inline PyObject*& slot_at(PyObject* object, Py_ssize_t offset) noexcept {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
}

}  // namespace fasterapi::aio
