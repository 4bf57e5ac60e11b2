// aio/call_arguments.cpp: see call_arguments.hpp.
#include "aio/call_arguments.hpp"

namespace fasterapi::aio {

bool CallArguments::parse(const CallSignature& signature, const py::State& state,
                          PyObject* const* given, Py_ssize_t count, PyObject* names) {
  Py_ssize_t taken = 0;
  if (signature.own && count > 0) own = given[taken++];
  if (count > taken) callback = given[taken++];
  const Py_ssize_t keywords = names ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t index = 0; index < keywords; ++index) {
    if (!take_named(signature, state, PyTuple_GET_ITEM(names, index), given[count + index]))
      return false;
  }
  if (!complete(signature)) return false;
  if (context && context != Py_None && !PyContext_CheckExact(context)) {
    PyErr_Format(PyExc_TypeError,
                 "%s() argument 'context' must be a contextvars.Context, not %.100s",
                 signature.method, Py_TYPE(context)->tp_name);
    return false;
  }
  args = py::PyRef::steal(PyTuple_New(count - taken));
  for (Py_ssize_t index = taken; args && index < count; ++index) {
    PyTuple_SET_ITEM(args.get(), index - taken, Py_NewRef(given[index]));
  }
  return static_cast<bool>(args);
}

bool CallArguments::take_named(const CallSignature& signature, const py::State& state,
                               PyObject* name, PyObject* value) {
  const auto is = [&](const char* text) {
    return text && PyUnicode_CompareWithASCIIString(name, text) == 0;
  };
  PyObject** to = nullptr;
  if (name == state.names.context.get() || is("context")) {  // what asyncio's own C code passes
    to = &context;
  } else if (is("callback")) {
    to = &callback;
  } else if (is(signature.own)) {
    to = &own;
  }
  if (to && !*to) {
    *to = value;
    return true;
  }
  PyErr_Format(PyExc_TypeError,
               to ? "BaseEventLoop.%s() got multiple values for argument '%U'"
                  : "BaseEventLoop.%s() got an unexpected keyword argument '%U'",
               signature.method, name);
  return false;
}

bool CallArguments::complete(const CallSignature& signature) const {
  const bool needs_own = signature.own && !own;
  if (callback && !needs_own) return true;
  if (!callback && needs_own) {
    PyErr_Format(PyExc_TypeError,
                 "BaseEventLoop.%s() missing 2 required positional arguments: '%s' and 'callback'",
                 signature.method, signature.own);
  } else {
    PyErr_Format(PyExc_TypeError, "BaseEventLoop.%s() missing 1 required positional argument: '%s'",
                 signature.method, callback ? signature.own : "callback");
  }
  return false;
}

}  // namespace fasterapi::aio
