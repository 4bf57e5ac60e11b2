// aio/context_snapshot.hpp: one copy of the current contextvars.Context for all callbacks that are
// scheduled while its variables stay the same. CPython keeps 255 dead contexts for reuse: past
// that, a copy per waiting callback costs malloc and, through the count of allocations, garbage
// collections: 40 % of call_soon() in bursts of 1000. Needs the GIL.
#pragma once

#include "py/ref.hpp"

namespace fasterapi::aio {

class ContextSnapshot {
 public:
  // The copy, borrowed; null with the Python error set. Nobody may enter it: who runs a callback in
  // it enters a copy.
  [[nodiscard]] py::PyBorrowed take() noexcept {
    PyObject* current = PyThreadState_Get()->context;
    if (copy_ && current && variables_of(copy_.get()) == variables_of(current)) return copy_.get();
    copy_ = py::PyRef::steal(PyContext_CopyCurrent());
    return copy_.get();
  }
  // To be called in every turn, so that no variable lives much longer than its context.
  void drop() noexcept {
    if (copy_) copy_.reset();
  }

  [[nodiscard]] int traverse(visitproc visit, void* arg) const {
    return copy_.traverse(visit, arg);
  }

 private:
  // The immutable mapping that a context refers to besides the context that was entered before:
  // setting a variable replaces it.
  [[nodiscard]] static const void* variables_of(PyObject* context) noexcept {
    const void* found = nullptr;
    const auto note = [](PyObject* object, void* result) {
      if (!PyContext_CheckExact(object)) *static_cast<const void**>(result) = object;
      return 0;
    };
    Py_TYPE(context)->tp_traverse(context, note, &found);
    return found;
  }

  py::PyRef copy_;
};

}  // namespace fasterapi::aio
