// asgi/scope.hpp: the scope of ASGI's http protocol (asgiref specs/www.rst, "HTTP Connection
// Scope"), made by copying a template per connection and filling in what is the request's own. Keys
// stand in uvicorn's order. Needs the GIL.
#pragma once

#include "asgi/header_names.hpp"
#include "py/gil.hpp"
#include "py/state.hpp"
#include "server/exchange.hpp"

namespace fasterapi::asgi {

// What of the scope is the same for all requests of a connection.
class ConnectionScope final : public server::ConnectionData {
 public:
  ConnectionScope(py::PyRef scope, py::PyRef client, bool trusted,
                  py::ReleaseQueue& releases) noexcept
      : template_(std::move(scope)),
        client_(std::move(client)),
        trusted_(trusted),
        releases_(releases) {}
  ~ConnectionScope() override {  // dropped with its connection, while the loop polls
    releases_.push(template_.release());
    releases_.push(client_.release());
  }

  [[nodiscard]] PyObject* scope() const noexcept { return template_.get(); }
  [[nodiscard]] PyObject* client() const noexcept { return client_.get(); }
  // The peer's forwarding headers are believed.
  [[nodiscard]] bool trusted() const noexcept { return trusted_; }

 private:
  py::PyRef template_;
  py::PyRef client_;
  bool trusted_;
  py::ReleaseQueue& releases_;
};

class ScopeBuilder {
 public:
  struct Parts {
    py::PyRef state;         // the lifespan's, copied for each request
    py::PyRef root_path;     // str: uvicorn's --root-path
    py::PyRef spec_version;  // str
    py::PyRef extensions;    // tuple of str: their names; null for scopes without the key
  };
  ScopeBuilder(py::State& module_state, Parts parts) noexcept
      : names_(module_state.names), module_state_(module_state), parts_(std::move(parts)) {}

  // Null with the Python error set, here and below.
  [[nodiscard]] py::PyRef make_template(const server::Exchange& exchange, py::PyRef& client);
  [[nodiscard]] py::PyRef make(const http::RequestHead& head, const ConnectionScope& connection);

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  [[nodiscard]] py::PyRef make_asgi() const;
  [[nodiscard]] py::PyRef make_extensions() const;
  [[nodiscard]] py::PyRef make_method(base::ByteView method) const;
  [[nodiscard]] py::PyRef make_headers(const http::RequestHead& head, bool trusted);
  [[nodiscard]] bool set_path(PyObject* scope, base::ByteView raw_path) const;

  py::Names& names_;
  py::State& module_state_;
  Parts parts_;
  HeaderNames header_names_;
};

}  // namespace fasterapi::asgi
