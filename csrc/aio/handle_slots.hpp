// aio/handle_slots.hpp: makes genuine asyncio.Handle objects without running their Python
// constructor, by filling the
// __slots__ whose places the class tells. Debug mode runs the constructor, which records where the
// handle was made.
#pragma once

#include "py/ref.hpp"
#include "py/state.hpp"

namespace fasterapi::aio {

class HandleSlots {
 public:
  // Looks the places up; false with the Python error set (a Python whose Handle has other slots).
  [[nodiscard]] bool find(const py::State& state);

  struct Parts {
    py::PyBorrowed callback;
    py::PyBorrowed args;  // a tuple
    py::PyBorrowed loop;
    py::PyBorrowed context;
  };
  [[nodiscard]] py::PyRef make(PyTypeObject* type, const Parts& parts) const noexcept;
  // A TimerHandle that counts as scheduled.
  [[nodiscard]] py::PyRef make_timer(PyTypeObject* type, double when,
                                     const Parts& parts) const noexcept;

  // REQUIRES: `handle` is an asyncio.Handle or of a subclass.
  [[nodiscard]] bool cancelled(PyObject* handle) const noexcept {
    return slot(handle, cancelled_) == Py_True;
  }
  [[nodiscard]] PyObject* callback(PyObject* handle) const noexcept {
    return slot(handle, callback_);
  }
  [[nodiscard]] PyObject* args(PyObject* handle) const noexcept { return slot(handle, args_); }
  [[nodiscard]] PyObject* context(PyObject* handle) const noexcept {
    return slot(handle, context_);
  }
  // Whether it holds what make() fills in; a handle that somebody else made may hold anything.
  [[nodiscard]] bool is_regular(PyObject* handle) const noexcept {
    return PyTuple_CheckExact(args(handle)) && PyContext_CheckExact(context(handle));
  }
  // Forgets the innermost frame of where it was made. False with the Python error set.
  [[nodiscard]] bool drop_last_frame(PyObject* handle) const noexcept {
    PyObject* frames = slot(handle, source_traceback_);
    if (!frames || !PyList_Check(frames) || PyList_GET_SIZE(frames) == 0) return true;
    return PyList_SetSlice(frames, PyList_GET_SIZE(frames) - 1, PyList_GET_SIZE(frames), nullptr) ==
           0;
  }
  // REQUIRES: `handle` is an asyncio.TimerHandle or of a subclass.
  void set_scheduled(PyObject* handle, bool value) const noexcept {
    set(handle, scheduled_, value ? Py_True : Py_False);
  }
  [[nodiscard]] bool scheduled(PyObject* handle) const noexcept {
    return slot(handle, scheduled_) == Py_True;
  }

 private:
  [[nodiscard]] static PyObject*& slot(PyObject* handle, Py_ssize_t offset) noexcept {
    return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(handle) + offset);
  }
  static void set(PyObject* handle, Py_ssize_t offset, PyObject* value) noexcept {
    Py_XSETREF(slot(handle, offset), Py_NewRef(value));
  }

  Py_ssize_t callback_ = 0, args_ = 0, cancelled_ = 0, loop_ = 0, source_traceback_ = 0, repr_ = 0,
             context_ = 0;
  Py_ssize_t scheduled_ = 0, when_ = 0;
};

}  // namespace fasterapi::aio
