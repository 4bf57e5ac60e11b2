// asgi/declarations.cpp: see declarations.hpp.
#include "asgi/declarations.hpp"

#include <utility>

#include "py/error.hpp"

namespace fasterapi::asgi {

// Starlette's router puts the endpoint into the scope. What is odd there declares nothing.
bool Declarations::declares(PyObject* scope) const {
  const py::Names& names = state_.names;
  if (PyObject* endpoint = PyDict_GetItemWithError(scope, names.endpoint.get())) {
    const int found = PyDict_Contains(endpoints_.get(), endpoint);
    if (found > 0) return true;
    if (found < 0) PyErr_Clear();  // TypeError: it has no hash
  }
  PyObject* extensions = PyDict_GetItemWithError(scope, names.extensions.get());
  if (!extensions || !PyDict_CheckExact(extensions)) return false;
  PyObject* declared = PyDict_GetItemWithError(extensions, names.fasterapi_cache.get());
  return declared && PyDict_CheckExact(declared) && PyDict_GET_SIZE(declared) > 0;
}

void Declarations::look(PyObject* scope, const http::RequestHead& head) const {
  if (!declares(scope)) return;
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
