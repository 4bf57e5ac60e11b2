// py/ref.hpp: who owns a Python reference. PyRef owns one; PyBorrowed is a parameter that does not.
// Every use needs the GIL; debug builds check it where a reference is dropped.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cassert>
#include <utility>

namespace fasterapi::py {

using PyBorrowed = PyObject*;

class PyRef {
 public:
  PyRef() noexcept = default;
  // Takes over the reference that a call returned; null stays null, with the Python error set.
  [[nodiscard]] static PyRef steal(PyObject* object) noexcept { return PyRef(object); }
  // Adds a reference to something that somebody else owns.
  [[nodiscard]] static PyRef borrow(PyBorrowed object) noexcept {
    return PyRef(Py_XNewRef(object));
  }

  PyRef(PyRef&& other) noexcept : object_(other.release()) {}
  PyRef& operator=(PyRef&& other) noexcept {
    PyRef(std::move(other)).swap(*this);
    return *this;
  }
  PyRef(const PyRef&) = delete;
  PyRef& operator=(const PyRef&) = delete;
  ~PyRef() { reset(); }

  void reset() noexcept {
    assert((object_ == nullptr || PyGILState_Check()) && "a reference is dropped without the GIL");
    Py_CLEAR(object_);
  }
  // Gives the reference away.
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* new_reference() const noexcept { return Py_XNewRef(object_); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  [[nodiscard]] int traverse(visitproc visit, void* arg) const {
    return object_ ? visit(object_, arg) : 0;
  }

 private:
  explicit PyRef(PyObject* object) noexcept : object_(object) {}
  void swap(PyRef& other) noexcept { std::swap(object_, other.object_); }

  PyObject* object_ = nullptr;
};

}  // namespace fasterapi::py
