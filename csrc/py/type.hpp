// py/type.hpp: heap types from a list of slots, and the noexcept door for slots that may run out of
// memory.
#pragma once

#include <new>

#include "py/ref.hpp"

namespace fasterapi::py {

// Makes the type and, if `exported`, adds it to the module under its short name. Null with the
// Python error set.
[[nodiscard]] inline PyRef make_type(PyObject* module, PyType_Spec& spec, bool exported) {
  PyRef type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (type && exported && PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type.get())) < 0)
    return {};
  return type;
}

// CPython calls our slots through this door: of C++ exceptions only bad_alloc can fly, and becomes
// MemoryError.
template <class Call>
PyObject* py_entry(Call&& call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

template <class Function>
[[nodiscard]] PyCFunction as_method(Function* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace fasterapi::py
