// asgi/header_names.hpp: bytes objects of header names already seen: clients send the same dozen
// again and again. A name keeps its place for good, so that no peer can drive the common ones out.
// Needs the GIL.
#pragma once

#include <array>

#include "base/bytes.hpp"
#include "py/ref.hpp"

namespace fasterapi::asgi {

class HeaderNames {
 public:
  [[nodiscard]] py::PyRef find(base::ByteView name) noexcept {
    py::PyRef& place = places_[hash(name) % places_.size()];
    if (place && view(place.get()) == name) return py::PyRef::borrow(place.get());
    py::PyRef made = py::PyRef::steal(
        PyBytes_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
    if (made && !place && name.size() <= kLongest) place = py::PyRef::borrow(made.get());
    return made;
  }

 private:
  static constexpr std::size_t kLongest = 64;
  static base::ByteView view(PyObject* bytes) noexcept {
    return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
  }
  static std::size_t hash(base::ByteView name) noexcept {
    const auto at = [&](std::size_t index) { return static_cast<unsigned char>(name[index]); };
    if (name.empty()) return 0;
    return name.size() * 31 + at(0) * 7u + at(name.size() / 2) * 3u + at(name.size() - 1) * 13u;
  }

  std::array<py::PyRef, 256> places_;
};

}  // namespace fasterapi::asgi
