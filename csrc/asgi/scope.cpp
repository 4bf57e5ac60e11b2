// asgi/scope.cpp: see scope.hpp.
#include "asgi/scope.hpp"

#include "asgi/shadow_names.hpp"
#include "base/percent.hpp"

namespace fasterapi::asgi {
namespace {

py::PyRef bytes_of(base::ByteView view) noexcept {
  return py::PyRef::steal(
      PyBytes_FromStringAndSize(view.data(), static_cast<Py_ssize_t>(view.size())));
}

bool set(PyObject* dict, const py::PyRef& key, const py::PyRef& value) noexcept {
  return value && PyDict_SetItem(dict, key.get(), value.get()) == 0;
}

// ASGI names a peer as (host, port), a Unix listener as (path, None) and a peer on it as None.
py::PyRef address_of(const base::Address& address, bool is_client) noexcept {
  if (!address.is_unix)
    return py::PyRef::steal(Py_BuildValue("(si)", address.host.c_str(), address.port));
  if (is_client) return py::PyRef::borrow(Py_None);
  return py::PyRef::steal(Py_BuildValue("(sO)", address.host.c_str(), Py_None));
}

}  // namespace

py::PyRef ScopeBuilder::make_asgi() const {
  py::PyRef made = py::PyRef::steal(PyDict_New());
  if (!made || !set(made.get(), names_.version, names_.asgi_version) ||
      !set(made.get(), names_.spec_version, parts_.spec_version)) {
    return {};
  }
  return made;
}

py::PyRef ScopeBuilder::make_template(const server::Exchange& exchange, py::PyRef& client) {
  py::PyRef scope = py::PyRef::steal(PyDict_New());
  client = address_of(exchange.peer(), true);
  const py::PyRef server = address_of(exchange.local(), false);
  const py::PyRef none = py::PyRef::borrow(Py_None);
  if (!scope || !set(scope.get(), names_.type, names_.http) ||
      !set(scope.get(), names_.asgi, none) ||
      !set(scope.get(), names_.http_version, names_.http_1_1) ||
      !set(scope.get(), names_.server, server) || !set(scope.get(), names_.client, client) ||
      !set(scope.get(), names_.scheme, names_.http) ||
      !set(scope.get(), names_.root_path, parts_.root_path)) {
    return {};
  }
  for (const py::PyRef* key :
       {&names_.headers, &names_.state, &names_.method, &names_.path, &names_.raw_path}) {
    if (!set(scope.get(), *key, none)) return {};
  }
  if (!set(scope.get(), names_.query_string, module_state_.empty_bytes)) return {};
  return scope;
}

py::PyRef ScopeBuilder::make(const http::RequestHead& head, const ConnectionScope& connection) {
  py::PyRef made = py::PyRef::steal(PyDict_Copy(connection.scope()));
  PyObject* scope = made.get();
  if (!scope || !set(scope, names_.asgi, make_asgi()) ||
      !set(scope, names_.state, py::PyRef::steal(PyDict_Copy(parts_.state.get()))) ||
      !set(scope, names_.headers, make_headers(head, connection.trusted())) ||
      !set(scope, names_.method, make_method(head.method())) || !set_path(scope, head.raw_path())) {
    return {};
  }
  if (head.minor_version() == 0 && !set(scope, names_.http_version, names_.http_1_0)) return {};
  if (!head.query().empty() && !set(scope, names_.query_string, bytes_of(head.query()))) return {};
  if (parts_.extensions && !set(scope, names_.extensions, make_extensions())) return {};
  return made;
}

// Fresh in each request, as all that an application might write to.
py::PyRef ScopeBuilder::make_extensions() const {
  py::PyRef made = py::PyRef::steal(PyDict_New());
  for (Py_ssize_t index = 0; made && index < PyTuple_GET_SIZE(parts_.extensions.get()); ++index) {
    const auto empty = py::PyRef::steal(PyDict_New());
    PyObject* name = PyTuple_GET_ITEM(parts_.extensions.get(), index);
    if (!empty || PyDict_SetItem(made.get(), name, empty.get()) < 0) return {};
  }
  return made;
}

py::PyRef ScopeBuilder::make_method(base::ByteView method) const {
  for (const py::PyRef* known : {&names_.GET, &names_.POST, &names_.PUT, &names_.PATCH,
                                 &names_.DELETE, &names_.HEAD, &names_.OPTIONS}) {
    if (PyUnicode_GET_LENGTH(known->get()) == static_cast<Py_ssize_t>(method.size()) &&
        method == static_cast<const char*>(PyUnicode_DATA(known->get()))) {
      return py::PyRef::borrow(known->get());
    }
  }
  return py::PyRef::steal(
      PyUnicode_FromStringAndSize(method.data(), static_cast<Py_ssize_t>(method.size())));
}

py::PyRef ScopeBuilder::make_headers(const http::RequestHead& head, bool trusted) {
  const std::size_t count = head.field_count();
  py::PyRef list = py::PyRef::steal(PyList_New(static_cast<Py_ssize_t>(count)));
  Py_ssize_t filled = 0;
  for (std::size_t index = 0; list && index < count; ++index) {
    const auto field = head.field(index);
    if (trusted && shadows(field.name)) continue;  // a proxy has let through what it did not see
    py::PyRef name = header_names_.find(field.name);
    py::PyRef value = bytes_of(field.value);
    PyObject* pair = name && value ? PyTuple_New(2) : nullptr;
    if (!pair) return {};
    PyTuple_SET_ITEM(pair, 0, name.release());
    PyTuple_SET_ITEM(pair, 1, value.release());
    PyList_SET_ITEM(list.get(), filled++, pair);
  }
  const auto size = static_cast<Py_ssize_t>(count);
  if (list && filled < size && PyList_SetSlice(list.get(), filled, size, nullptr) < 0) return {};
  return list;
}

// path is root_path and the decoded path, raw_path the same without decoding (uvicorn since 0.26).
bool ScopeBuilder::set_path(PyObject* scope, base::ByteView raw_path) const {
  const bool encoded = raw_path.find('%') != base::ByteView::npos;
  const std::string decoded = encoded ? base::percent_decode(raw_path) : std::string();
  const base::ByteView plain = encoded ? base::ByteView(decoded) : raw_path;
  py::PyRef path = py::PyRef::steal(
      PyUnicode_DecodeUTF8(plain.data(), static_cast<Py_ssize_t>(plain.size()), "replace"));
  py::PyRef raw = bytes_of(raw_path);
  if (path && raw && PyUnicode_GET_LENGTH(parts_.root_path.get()) > 0) {
    path = py::PyRef::steal(PyUnicode_Concat(parts_.root_path.get(), path.get()));
    py::PyRef whole = py::PyRef::steal(PyUnicode_AsUTF8String(parts_.root_path.get()));
    if (!path || !whole) return false;
    PyObject* joined = whole.release();
    PyBytes_Concat(&joined, raw.get());  // on failure null, with the error set
    raw = py::PyRef::steal(joined);
  }
  return set(scope, names_.path, path) && set(scope, names_.raw_path, raw);
}

int ScopeBuilder::traverse(visitproc visit, void* arg) const {
  Py_VISIT(parts_.state.get());
  return 0;
}

void ScopeBuilder::clear() noexcept { parts_.state.reset(); }

}  // namespace fasterapi::asgi
