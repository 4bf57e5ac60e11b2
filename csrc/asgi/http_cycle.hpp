// asgi/http_cycle.hpp: receive() and send() of one exchange (ASGI www.rst): the Python object that
// the application holds. It may outlive the exchange and the connection; from then on receive()
// says http.disconnect and send() is silent. The Python object owns this; needs the GIL unless said
// otherwise.
#pragma once

#include <vector>

#include "base/counters.hpp"
#include "py/state.hpp"
#include "server/exchange.hpp"

namespace fasterapi::asgi {

class Application;

class HttpCycle final : server::ExchangeObserver, base::Counted<HttpCycle> {
 public:
  HttpCycle(PyObject* self, py::State& state, Application& application, server::Exchange& exchange,
            py::PyRef scope) noexcept;
  ~HttpCycle() = default;

  // What the application calls. Null with the Python error set.
  [[nodiscard]] py::PyRef receive();
  [[nodiscard]] py::PyRef send(py::PyBorrowed message);
  // What the request's coroutine says at its end: the error to log, or None.
  [[nodiscard]] py::PyRef returned(py::PyBorrowed result);
  void failed();

  // For awaitables: whether they have to go on waiting, and what they wait for.
  [[nodiscard]] bool can_receive() const noexcept;
  [[nodiscard]] bool can_send() const noexcept { return !exchange_ || !exchange_->must_wait(); }
  [[nodiscard]] py::PyRef take_message();
  // What a send() that had to wait completes with: None, or what after_loss() says.
  [[nodiscard]] py::PyRef sent() const;
  [[nodiscard]] py::PyRef new_waiter();

  // For the application.
  void set_task(py::PyRef task) noexcept {
    if (application_) task_ = std::move(task);  // else it has ended already
  }
  [[nodiscard]] PyObject* task() const noexcept { return task_.get(); }
  [[nodiscard]] bool has_ended() const noexcept { return !application_; }
  [[nodiscard]] PyObject* self() const noexcept { return self_; }
  void wake_waiters();
  // The server is closing: nothing of it may be used any more. Not to `wake` if the loop is closed.
  void detach(bool wake);
  std::size_t position = 0;  // among the application's running cycles
  bool woken = false;        // is in the application's list of cycles to wake
  bool queued = false;       // is in its list of cycles whose task may not have begun

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  // While the loop polls, without the GIL.
  void on_request_progress() override;
  void on_drained() override;
  void on_lost(server::Exchange& exchange) override;

  [[nodiscard]] py::PyRef after_loss() const;
  [[nodiscard]] bool send_before_head(py::PyBorrowed message, PyObject* type);
  [[nodiscard]] bool send_behind_head(py::PyBorrowed message, PyObject* type);
  [[nodiscard]] bool send_early_hint(py::PyBorrowed message);
  [[nodiscard]] bool send_informational(int status, PyObject* fields);
  [[nodiscard]] bool send_file(py::PyBorrowed message);
  [[nodiscard]] bool send_trailers(py::PyBorrowed message);
  [[nodiscard]] bool send_start(py::PyBorrowed message);
  [[nodiscard]] bool send_head(int status, py::PyBorrowed headers);
  [[nodiscard]] bool add_fields(PyObject* fields);
  [[nodiscard]] bool end_head(int status);
  [[nodiscard]] bool send_body(py::PyBorrowed message);
  [[nodiscard]] bool write_body(py::PyBorrowed body, bool more);
  void record_access(int status);
  void finish_response() noexcept;
  void ended() noexcept;

  PyObject* const self_;  // borrowed: it owns us
  py::State& state_;
  Application* application_;    // null after detach()
  server::Exchange* exchange_;  // null when the response is complete or the connection is gone
  py::PyRef scope_;
  py::PyRef task_;
  std::vector<py::PyRef>
      waiters_;  // futures of receive() and send() calls that wait for any progress
  bool request_delivered_ = false;  // the last http.request has been given out
  bool head_sent_ = false;
  bool complete_ = false;
  bool lost_ = false;
  enum class Trailers : char {
    None,
    Announced,  // the body is followed by them
    Awaited,    // the body is complete; if they are not wanted, so is the response on the wire
  };
  Trailers trailers_ = Trailers::None;
};

[[nodiscard]] bool add_cycle_type(PyObject* module, py::State& state);
[[nodiscard]] py::PyRef new_cycle(py::State& state, Application& application,
                                  server::Exchange& exchange, py::PyRef scope);
[[nodiscard]] HttpCycle& cycle_of(PyObject* object) noexcept;

}  // namespace fasterapi::asgi
