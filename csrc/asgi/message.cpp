// asgi/message.cpp: see message.hpp.
#include "asgi/message.hpp"

#include <algorithm>

namespace fasterapi::asgi {
namespace {

bool is_pair(PyObject* field) noexcept {
  if (!PyTuple_CheckExact(field) && !PyList_CheckExact(field)) return false;
  return PySequence_Fast_GET_SIZE(field) == 2;
}

bool is_pair_of_bytes(PyObject* field) noexcept {
  return is_pair(field) && PyBytes_CheckExact(PySequence_Fast_GET_ITEM(field, 0)) &&
         PyBytes_CheckExact(PySequence_Fast_GET_ITEM(field, 1));
}

// The field as (bytes, bytes). Null with the Python error set.
py::PyRef as_pair_of_bytes(PyObject* field) {
  if (!is_pair(field)) {
    PyErr_Format(PyExc_TypeError, "each header must be a pair of bytes, not %.100s",
                 Py_TYPE(field)->tp_name);
    return {};
  }
  py::PyRef pair = py::PyRef::steal(PySequence_Tuple(field));
  return pair ? tuple_of_bytes(pair.get()) : py::PyRef();
}

}  // namespace

py::PyRef item_of_mapping(PyObject* message, const py::PyRef& key, PyObject* fallback) {
  py::PyRef found = py::PyRef::steal(PyObject_GetItem(message, key.get()));
  if (found || !PyErr_ExceptionMatches(PyExc_KeyError)) return found;
  PyErr_Clear();  // KeyError: the mapping lacks the key
  if (!fallback) PyErr_SetObject(PyExc_KeyError, key.get());
  return py::PyRef::borrow(fallback);
}

py::PyRef tuple_of_bytes(PyObject* values) {
  const auto items = py::PyRef::steal(PySequence_Tuple(values));
  const Py_ssize_t count = items ? PyTuple_GET_SIZE(items.get()) : 0;
  py::PyRef made = py::PyRef::steal(items ? PyTuple_New(count) : nullptr);
  for (Py_ssize_t index = 0; made && index < count; ++index) {
    const BytesLike part(PyTuple_GET_ITEM(items.get(), index));
    if (!part.ok()) return {};
    PyObject* bytes =
        PyBytes_FromStringAndSize(part.view().data(), static_cast<Py_ssize_t>(part.view().size()));
    if (!bytes) return {};
    PyTuple_SET_ITEM(made.get(), index, bytes);
  }
  return made;
}

py::PyRef pairs_of_bytes(PyObject* headers) {
  py::PyRef fields =
      py::PyRef::steal(PySequence_Fast(headers, "headers must be an iterable of pairs"));
  if (!fields) return fields;
  Py_ssize_t count = PySequence_Fast_GET_SIZE(fields.get());
  PyObject** items = PySequence_Fast_ITEMS(fields.get());
  if (std::all_of(items, items + count, is_pair_of_bytes)) return fields;
  fields = py::PyRef::steal(PySequence_Tuple(fields.get()));  // Python may change the list
  count = fields ? PyTuple_GET_SIZE(fields.get()) : 0;
  py::PyRef pairs = py::PyRef::steal(fields ? PyTuple_New(count) : nullptr);
  for (Py_ssize_t index = 0; pairs && index < count; ++index) {
    py::PyRef pair = as_pair_of_bytes(PyTuple_GET_ITEM(fields.get(), index));
    if (!pair) return {};
    PyTuple_SET_ITEM(pairs.get(), index, pair.release());
  }
  return pairs;
}

bool unexpected(const char* expected, PyObject* type) {
  PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%s', but got '%S'.", expected, type);
  return false;
}

}  // namespace fasterapi::asgi
