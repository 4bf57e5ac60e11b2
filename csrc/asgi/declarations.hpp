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
  // The scopes offer the extension.
  void set_offered() noexcept { offered_ = true; }

  // Each look at a scope for what is not there costs 130 instructions.
  [[nodiscard]] bool wanted() const noexcept { return learn_ && (offered_ || has_endpoints()); }
  // Runs Python if something is declared. Errors are reported. REQUIRES: wanted().
  void look(PyObject* scope, const http::RequestHead& head) const;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  [[nodiscard]] bool has_endpoints() const noexcept {
    return endpoints_ && PyDict_GET_SIZE(endpoints_.get()) > 0;
  }
  [[nodiscard]] bool names_endpoint(PyObject* scope) const;
  [[nodiscard]] bool fills_extension(PyObject* scope) const;

  py::State& state_;
  py::PyRef endpoints_;
  py::PyRef learn_;
  bool offered_ = false;
};

}  // namespace fasterapi::asgi
