// module/server_options.cpp: see server_options.hpp.
#include "module/server_options.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "http/response_writer.hpp"

namespace fasterapi::module {
namespace {

constexpr std::pair<const char*, std::size_t base::Limits::*> kLimits[] = {
    {"head_bytes", &base::Limits::head_bytes},
    {"head_fields", &base::Limits::head_fields},
    {"field_bytes", &base::Limits::field_bytes},
    {"target_bytes", &base::Limits::target_bytes},
    {"body_bytes", &base::Limits::body_bytes},
    {"first_byte_ms", &base::Limits::first_byte_ms},
    {"head_ms", &base::Limits::head_ms},
    {"body_idle_ms", &base::Limits::body_idle_ms},
    {"write_idle_ms", &base::Limits::write_idle_ms},
    {"bytes_per_second", &base::Limits::bytes_per_second},
    {"rate_grace_ms", &base::Limits::rate_grace_ms},
    {"progress_check_ms", &base::Limits::progress_check_ms},
    {"linger_ms", &base::Limits::linger_ms},
    {"connections", &base::Limits::connections},
    {"connections_per_address", &base::Limits::connections_per_address},
    {"requests_per_connection", &base::Limits::requests_per_connection}};

constexpr std::pair<const char*, std::string server::ProbePaths::*> kProbes[] = {
    {"health", &server::ProbePaths::health},
    {"ready", &server::ProbePaths::ready},
    {"metrics", &server::ProbePaths::metrics}};

// The entry of a table that has the name; null with TypeError set.
template <class Table>
auto find_name(const Table& table, PyObject* name, const char* kind) {
  const auto* found = std::find_if(std::begin(table), std::end(table), [&](const auto& one) {
    return PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, one.first) == 0;
  });
  if (found != std::end(table)) return found;
  PyErr_Format(PyExc_TypeError, "there is no %s %R", kind, name);
  return static_cast<decltype(found)>(nullptr);
}

}  // namespace

bool read_limit(PyObject* object, const char* name, std::size_t& limit) {
  if (object == Py_None) return true;
  const long long value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) return false;
  if (value < 0) {
    PyErr_Format(PyExc_ValueError, "%s must not be negative, got %lld", name, value);
    return false;
  }
  limit = static_cast<std::size_t>(value);
  return true;
}

bool read_limits(PyObject* given, base::Limits& limits) {
  if (given == Py_None) return true;
  if (!PyDict_Check(given)) {
    PyErr_SetString(PyExc_TypeError, "limits must be a dict");
    return false;
  }
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(given, &at, &key, &value);) {
    const auto* found = find_name(kLimits, key, "limit");
    if (!found) return false;
    std::size_t& limit = limits.*found->second;
    limit = base::kUnlimited;
    if (!read_limit(value, found->first, limit)) return false;
  }
  return true;
}

bool read_probe_paths(PyObject* given, server::ProbePaths& paths) {
  if (given == Py_None) return true;
  if (!PyDict_Check(given)) {
    PyErr_SetString(PyExc_TypeError, "probes must be a dict");
    return false;
  }
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(given, &at, &key, &value);) {
    const auto* found = find_name(kProbes, key, "probe");
    const char* path = found ? PyUnicode_AsUTF8(value) : nullptr;
    if (!path) return false;
    paths.*found->second = path;
  }
  return true;
}

bool read_default_fields(PyObject* pairs, server::Options& options) {
  if (!pairs) return true;
  const auto fields =
      py::PyRef::steal(PySequence_Fast(pairs, "default_headers must be a list of pairs"));
  if (!fields) return false;
  base::PayloadQueue written;
  http::ResponseWriter writer(options.status_lines);
  http::SendError error = writer.begin_head(written, {}, 200, {});
  const std::size_t status_line = written.size();
  for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(fields.get()); ++index) {
    const char *name = nullptr, *value = nullptr;
    Py_ssize_t name_size = 0, value_size = 0;
    const auto pair =
        py::PyRef::steal(PySequence_Tuple(PySequence_Fast_GET_ITEM(fields.get(), index)));
    if (!pair || !PyArg_ParseTuple(pair.get(), "y#y#:default_headers", &name, &name_size, &value,
                                   &value_size)) {
      return false;
    }
    if (error == http::SendError::None) {
      error = writer.add_field({name, static_cast<std::size_t>(name_size)},
                               {value, static_cast<std::size_t>(value_size)});
    }
    if (error != http::SendError::None) {
      PyErr_Format(PyExc_ValueError, "default header %R: %.200s",
                   PySequence_Fast_GET_ITEM(fields.get(), index), http::text_of(error).data());
      return false;
    }
  }
  std::array<base::ByteView, 1> view;
  if (written.gather(view) == 1) options.default_fields = view[0].substr(status_line);
  return true;
}

bool read_phrases(http::StatusLines& lines) {
  const auto http = py::PyRef::steal(PyImport_ImportModule("http"));
  const auto statuses =
      py::PyRef::steal(http ? PyObject_GetAttrString(http.get(), "HTTPStatus") : nullptr);
  const auto all = py::PyRef::steal(statuses ? PySequence_List(statuses.get()) : nullptr);
  for (Py_ssize_t index = 0; all && index < PyList_GET_SIZE(all.get()); ++index) {
    PyObject* status = PyList_GET_ITEM(all.get(), index);
    const long code = PyLong_AsLong(status);
    const auto phrase = py::PyRef::steal(PyObject_GetAttrString(status, "phrase"));
    const char* text = phrase ? PyUnicode_AsUTF8(phrase.get()) : nullptr;
    if (!text || (code == -1 && PyErr_Occurred())) return false;
    if (code >= http::StatusLines::kFirst && code <= http::StatusLines::kLast)
      lines.set_phrase(static_cast<int>(code), text);
  }
  return static_cast<bool>(all);
}

}  // namespace fasterapi::module
