// asgi/message.hpp: reads the messages that an application sends (ASGI www.rst): keys, headers,
// bytes. Needs the GIL; may run Python of the application.
#pragma once

#include "base/bytes.hpp"
#include "http/error.hpp"
#include "py/ref.hpp"

namespace fasterapi::asgi {

// message[key], or the default where one is given, of any mapping. Null with the Python error set.
[[nodiscard]] py::PyRef item_of_mapping(PyObject* message, const py::PyRef& key,
                                        PyObject* fallback);

// The same, quick for a dict.
[[nodiscard]] inline py::PyRef item(PyObject* message, const py::PyRef& key, PyObject* fallback) {
  if (!PyDict_CheckExact(message)) return item_of_mapping(message, key, fallback);
  PyObject* found = PyDict_GetItemWithError(message, key.get());
  if (!found && PyErr_Occurred()) return {};
  if (!found && !fallback) PyErr_SetObject(PyExc_KeyError, key.get());
  return py::PyRef::borrow(found ? found : fallback);
}

// The bytes of a bytes-like object while this lives; view() is empty and the Python error set if it
// is none.
class BytesLike {
 public:
  explicit BytesLike(PyObject* object) noexcept {
    if (PyBytes_CheckExact(object)) {
      view_ = {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
    } else if (PyObject_GetBuffer(object, &buffer_, PyBUF_SIMPLE) == 0) {
      view_ = {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
      held_ = true;
    } else {
      ok_ = false;
    }
  }
  BytesLike(const BytesLike&) = delete;
  BytesLike& operator=(const BytesLike&) = delete;
  ~BytesLike() {
    if (held_) PyBuffer_Release(&buffer_);
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] base::ByteView view() const noexcept { return view_; }

 private:
  Py_buffer buffer_{};
  base::ByteView view_;
  bool held_ = false;
  bool ok_ = true;
};

// The headers as a list or tuple of pairs of bytes, as they are if they are that already: whatever
// runs Python (iterators, __buffer__) has run when this returns. Null with the Python error set.
[[nodiscard]] py::PyRef pairs_of_bytes(PyObject* headers);

// A tuple of bytes from an iterable of bytes-like objects. Null with the Python error set.
[[nodiscard]] py::PyRef tuple_of_bytes(PyObject* values);

[[nodiscard]] inline base::ByteView view_of(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

[[nodiscard]] inline bool is(PyObject* string, const py::PyRef& name) {
  return string == name.get() || PyObject_RichCompareBool(string, name.get(), Py_EQ) == 1;
}

// Sets the RuntimeError of a mistake; true if there is none.
[[nodiscard]] inline bool raise(http::SendError error) {
  if (error == http::SendError::None) return true;
  PyErr_SetString(PyExc_RuntimeError, http::text_of(error).data());  // a literal
  return false;
}

// Sets uvicorn's RuntimeError of a message at the wrong time; false.
bool unexpected(const char* expected, PyObject* type);

}  // namespace fasterapi::asgi
