// asgi/http_cycle_extensions.cpp: what send() takes besides head and body: informational responses,
// and ASGI's extensions early_hint, pathsend and trailers where they are offered (asgiref
// specs/extensions.rst).
#include <cerrno>
#include <string>

#include "asgi/application.hpp"
#include "asgi/http_cycle.hpp"
#include "asgi/message.hpp"

namespace fasterapi::asgi {

bool HttpCycle::send_before_head(py::PyBorrowed message, PyObject* type) {
  if (!application_ || !application_->extensions().early_hint)
    return unexpected("http.response.start", type);
  if (is(type, state_.names.http_response_early_hint)) return send_early_hint(message);
  return unexpected("http.response.start' or 'http.response.early_hint", type);
}

bool HttpCycle::send_behind_head(py::PyBorrowed message, PyObject* type) {
  if (trailers_ == Trailers::Awaited) {
    if (is(type, state_.names.http_response_trailers)) return send_trailers(message);
    return unexpected("http.response.trailers", type);
  }
  const bool offered = application_ && application_->extensions().pathsend;
  if (offered && is(type, state_.names.http_response_pathsend)) return send_file(message);
  return unexpected("http.response.body", type);
}

bool HttpCycle::send_early_hint(py::PyBorrowed message) {
  const py::PyRef links = item(message, state_.names.links, nullptr);
  const py::PyRef values = links ? tuple_of_bytes(links.get()) : py::PyRef();
  if (!values) return false;
  if (!exchange_) return true;  // the iterator ran Python, which has closed the connection
  if (!raise(exchange_->begin_informational(103))) return false;
  for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(values.get()); ++index) {
    const base::ByteView link = view_of(PyTuple_GET_ITEM(values.get(), index));
    if (!raise(exchange_->add_informational_field("link", link))) return false;
  }
  exchange_->end_informational();
  return true;
}

bool HttpCycle::send_informational(int status, PyObject* fields) {
  if (!raise(exchange_->begin_informational(status))) return false;
  for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(fields); ++index) {
    PyObject* field = PySequence_Fast_GET_ITEM(fields, index);
    const base::ByteView name = view_of(PySequence_Fast_GET_ITEM(field, 0));
    const base::ByteView value = view_of(PySequence_Fast_GET_ITEM(field, 1));
    if (!raise(exchange_->add_informational_field(name, value))) return false;
  }
  exchange_->end_informational();
  return true;
}

bool HttpCycle::send_file(py::PyBorrowed message) {
  const py::PyRef path = item(message, state_.names.path, nullptr);
  PyObject* encoded = nullptr;
  if (!path || !PyUnicode_FSConverter(path.get(), &encoded)) return false;
  const auto bytes = py::PyRef::steal(encoded);
  if (!exchange_) return true;  // __fspath__ ran Python, which has closed the connection
  if (const int error = exchange_->open_file(std::string(view_of(bytes.get())))) {
    errno = error;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.get());
    return false;
  }
  const http::SendError error = exchange_->send_file();
  finish_response();
  if (trailers_ == Trailers::Announced) trailers_ = Trailers::Awaited;
  return raise(error);
}

bool HttpCycle::send_trailers(py::PyBorrowed message) {
  const py::PyRef headers = item(message, state_.names.headers, nullptr);
  const py::PyRef more_trailers =
      headers ? item(message, state_.names.more_trailers, Py_False) : py::PyRef();
  const int more = more_trailers ? PyObject_IsTrue(more_trailers.get()) : -1;
  const py::PyRef fields = more >= 0 ? pairs_of_bytes(headers.get()) : py::PyRef();
  if (!fields) return false;
  if (exchange_) {
    if (!raise(exchange_->begin_trailers())) return false;
    for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(fields.get()); ++index) {
      PyObject* field = PySequence_Fast_GET_ITEM(fields.get(), index);
      const base::ByteView name = view_of(PySequence_Fast_GET_ITEM(field, 0));
      const base::ByteView value = view_of(PySequence_Fast_GET_ITEM(field, 1));
      if (!raise(exchange_->add_trailer(name, value))) return false;
    }
    exchange_->end_trailers(more > 0);
  }
  if (more > 0) return true;
  trailers_ = Trailers::None;
  finish_response();
  return true;
}

}  // namespace fasterapi::asgi
