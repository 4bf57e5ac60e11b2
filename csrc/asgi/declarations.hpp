// asgi/declarations.hpp: sees that an application has declared the response immutable that it
// begins, by its endpoint (fasterapi_asgi.immutable) or by the extension fasterapi.cache of its
// scope. Needs the GIL.
#pragma once

#include "http/event.hpp"
#include "py/state.hpp"

namespace fasterapi::asgi {

class Declarations {
 public:
  // Both null: nothing is declared.
  Declarations(py::State& state, py::PyRef endpoints, py::PyRef learn) noexcept
      : state_(state), endpoints_(std::move(endpoints)), learn_(std::move(learn)) {}

  [[nodiscard]] bool wanted() const noexcept { return static_cast<bool>(learn_); }
  // Runs Python if something is declared. Errors are reported. REQUIRES: wanted().
  void look(PyObject* scope, const http::RequestHead& head) const;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  [[nodiscard]] bool declares(PyObject* scope) const;

  py::State& state_;
  py::PyRef endpoints_;
  py::PyRef learn_;
};

}  // namespace fasterapi::asgi
