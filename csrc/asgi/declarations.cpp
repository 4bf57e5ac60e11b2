// asgi/declarations.cpp: see declarations.hpp.
#include "asgi/declarations.hpp"

#include <utility>

#include "py/error.hpp"

namespace fasterapi::asgi {

// Starlette's router puts the endpoint into the scope. What is odd there declares nothing.
bool Declarations::names_endpoint(PyObject* scope) const {
  PyObject* endpoint = PyDict_GetItemWithError(scope, state_.names.endpoint.get());
  const int found = endpoint ? PyDict_Contains(endpoints_.get(), endpoint) : 0;
  if (found < 0) PyErr_Clear();  // TypeError: it has no hash
  return found > 0;
}

bool Declarations::fills_extension(PyObject* scope) const {
  const py::Names& names = state_.names;
  PyObject* extensions = PyDict_GetItemWithError(scope, names.extensions.get());
  if (!extensions || !PyDict_CheckExact(extensions)) return false;
  PyObject* declared = PyDict_GetItemWithError(extensions, names.fasterapi_cache.get());
  return declared && PyDict_CheckExact(declared) && PyDict_GET_SIZE(declared) > 0;
}

void Declarations::look(PyObject* scope, const http::RequestHead& head) const {
  const bool declares =
      (has_endpoints() && names_endpoint(scope)) || (offered_ && fills_extension(scope));
  if (!declares) return;
  const auto learn = py::PyRef::borrow(learn_.get());  // it may close the server
  const base::ByteView path = head.raw_path();
  const auto learned = py::PyRef::steal(PyObject_CallFunction(
      learn.get(), "y#O", path.data(), static_cast<Py_ssize_t>(path.size()), scope));
  if (!learned) py::report_unraisable(learn.get());
}

int Declarations::traverse(visitproc visit, void* arg) const {
  Py_VISIT(endpoints_.get());
  Py_VISIT(learn_.get());
  return 0;
}

void Declarations::clear() noexcept {
  endpoints_.reset();
  learn_.reset();
}

}  // namespace fasterapi::asgi
