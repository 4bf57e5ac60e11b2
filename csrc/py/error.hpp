// py/error.hpp: the Python error that is set, as a value; and where an error goes that nobody can
// be handed.
#pragma once

#include "py/ref.hpp"

namespace fasterapi::py {

// Takes the error that is set out of the interpreter. REQUIRES: an error is set.
[[nodiscard]] inline PyRef fetch_error() noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  return PyRef::steal(PyErr_GetRaisedException());
#else
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return PyRef::steal(value);
#endif
}

// Puts the error that is set aside while other Python code runs, as a destructor's caller expects.
class ErrorKept {
 public:
#if PY_VERSION_HEX >= 0x030C0000
  ErrorKept() noexcept : error_(PyErr_GetRaisedException()) {}
  ~ErrorKept() { PyErr_SetRaisedException(error_); }
#else
  ErrorKept() noexcept { PyErr_Fetch(&type_, &error_, &traceback_); }
  ~ErrorKept() { PyErr_Restore(type_, error_, traceback_); }
#endif
  ErrorKept(const ErrorKept&) = delete;
  ErrorKept& operator=(const ErrorKept&) = delete;

 private:
  PyObject* error_ = nullptr;
#if PY_VERSION_HEX < 0x030C0000
  PyObject* type_ = nullptr;
  PyObject* traceback_ = nullptr;
#endif
};

// Sets an error that fetch_error() took.
inline void raise(const PyRef& error) noexcept {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.get())), error.get());
}

// Whether it ends the run of the loop: asyncio lets these two through everywhere.
[[nodiscard]] inline bool is_exit(const PyRef& error) noexcept {
  return PyErr_GivenExceptionMatches(error.get(), PyExc_SystemExit) ||
         PyErr_GivenExceptionMatches(error.get(), PyExc_KeyboardInterrupt);
}

// Reports the error that is set through sys.unraisablehook, with the object it concerns.
inline void report_unraisable(PyBorrowed about) noexcept { PyErr_WriteUnraisable(about); }

}  // namespace fasterapi::py
