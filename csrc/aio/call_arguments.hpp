// aio/call_arguments.hpp: the arguments of call_soon() and its kin, by position or by name, refused
// in the words of Python's own functions.
#pragma once

#include "py/ref.hpp"
#include "py/state.hpp"

namespace fasterapi::aio {

// (callback, *args, context=None), behind an argument of the method's own if it has one.
struct CallSignature {
  const char* method;
  const char* own = nullptr;  // "delay", "when" or "fd"
};

// Borrowed from the caller, but for `args`.
struct CallArguments {
  PyObject* own = nullptr;
  PyObject* callback = nullptr;
  py::PyRef args;  // a tuple
  PyObject* context = nullptr;

  // Takes what vectorcall passes; false with TypeError set.
  [[nodiscard]] bool parse(const CallSignature& signature, const py::State& state,
                           PyObject* const* given, Py_ssize_t count, PyObject* names);

 private:
  [[nodiscard]] bool take_named(const CallSignature& signature, const py::State& state,
                                PyObject* name, PyObject* value);
  [[nodiscard]] bool complete(const CallSignature& signature) const;
};

}  // namespace fasterapi::aio
