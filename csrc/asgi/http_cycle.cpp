// asgi/http_cycle.cpp: see http_cycle.hpp.
#include "asgi/http_cycle.hpp"

#include <string>

#include "asgi/application.hpp"
#include "asgi/awaitable.hpp"
#include "asgi/message.hpp"
#include "base/limits.hpp"
#include "base/percent.hpp"
#include "py/error.hpp"

namespace fasterapi::asgi {

HttpCycle::HttpCycle(PyObject* self, py::State& state, Application& application,
                     server::Exchange& exchange, py::PyRef scope) noexcept
    : self_(self),
      state_(state),
      application_(&application),
      exchange_(&exchange),
      scope_(std::move(scope)) {
  exchange.observe(this);
}

// --- receive

py::PyRef HttpCycle::receive() {
  // RFC 9110 section 10.1.1: the application wants the body, now the client may send it.
  if (exchange_ && exchange_->head().expect_continue()) exchange_->send_continue();
  return await_message(state_, self_);
}

bool HttpCycle::can_receive() const noexcept {
  if (!exchange_ || exchange_->peer_closed()) return true;
  if (request_delivered_) return false;
  return exchange_->request_complete() || !exchange_->body().empty();
}

py::PyRef HttpCycle::take_message() {
  py::Names& names = state_.names;
  const bool has_request = exchange_ && !request_delivered_ &&
                           (exchange_->request_complete() || !exchange_->body().empty());
  py::PyRef message = py::PyRef::steal(PyDict_New());
  const py::PyRef& type = has_request ? names.http_request : names.http_disconnect;
  if (!message || PyDict_SetItem(message.get(), names.type.get(), type.get()) < 0) return {};
  if (!has_request) return message;
  const base::ByteView bytes = exchange_->body();
  const auto body = py::PyRef::steal(
      PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
  const bool more = !exchange_->request_complete();
  if (!body || PyDict_SetItem(message.get(), names.body.get(), body.get()) < 0 ||
      PyDict_SetItem(message.get(), names.more_body.get(), more ? Py_True : Py_False) < 0) {
    return {};
  }
  if (!bytes.empty()) exchange_->consume_body();
  request_delivered_ = !more;
  return message;
}

py::PyRef HttpCycle::new_waiter() {
  py::PyRef future = application_ ? application_->tasks().new_future() : py::PyRef();
  if (future) {
    waiters_.push_back(py::PyRef::borrow(future.get()));
  } else if (!PyErr_Occurred()) {
    PyErr_SetString(PyExc_RuntimeError, "the server is closed");
  }
  return future;
}

void HttpCycle::wake_waiters() {
  const auto keep_alive = py::PyRef::borrow(self_);
  for (const py::PyRef& future : std::exchange(waiters_, {})) {
    py::Names& names = state_.names;
    const auto done = py::PyRef::steal(PyObject_CallMethodNoArgs(future.get(), names.done.get()));
    if (done && done.get() == Py_True) continue;  // cancelled meanwhile
    const auto set =
        py::PyRef::steal(PyObject_CallMethodOneArg(future.get(), names.set_result.get(), Py_None));
    if (!done || !set) py::report_unraisable(future.get());
  }
}

// --- send

py::PyRef HttpCycle::send(py::PyBorrowed message) {
  if (lost_) return after_loss();
  const py::PyRef type = item(message, state_.names.type, nullptr);
  if (!type) return {};
  if (complete_ && trailers_ != Trailers::Awaited) {
    PyErr_Format(PyExc_RuntimeError,
                 "Unexpected ASGI message '%S' sent, after response already completed.",
                 type.get());
    return {};
  }
  if (!head_sent_) {
    const bool starts = is(type.get(), state_.names.http_response_start);
    if (!(starts ? send_start(message) : send_before_head(message, type.get()))) return {};
  } else {
    const bool goes_on =
        is(type.get(), state_.names.http_response_body) && trailers_ != Trailers::Awaited;
    if (!(goes_on ? send_body(message) : send_behind_head(message, type.get()))) return {};
  }
  if (can_send()) return py::PyRef::borrow(state_.done.get());
  return await_drain(state_, self_);
}

bool HttpCycle::send_start(py::PyBorrowed message) {
  const py::PyRef status = item(message, state_.names.status, nullptr);
  if (!status) return false;
  const long code = PyLong_AsLong(status.get());
  if (code == -1 && PyErr_Occurred()) return false;
  const py::PyRef headers = item(message, state_.names.headers, state_.no_args.get());
  // Out of range for an int is out of range for a status, too.
  if (!headers || !send_head(code < 0 || code > 999 ? 0 : static_cast<int>(code), headers.get()))
    return false;
  if (application_ && application_->declarations().wanted() && exchange_)
    application_->declarations().look(scope_.get(), exchange_->head());
  if (!application_ || !application_->extensions().trailers || !head_sent_) return true;
  const py::PyRef follow = item(message, state_.names.trailers, Py_False);
  const int truth = follow ? PyObject_IsTrue(follow.get()) : -1;
  if (truth > 0) trailers_ = Trailers::Announced;
  return truth >= 0;
}

bool HttpCycle::send_head(int status, py::PyBorrowed headers) {
  const auto found =
      exchange_ ? application_->encoded_heads().find(status, headers) : EncodedHeads::Found();
  if (found.fields) {
    if (!raise(exchange_->begin_head(status))) return false;
    exchange_->add_encoded(*found.fields);
    return end_head(status);
  }
  const py::PyRef fields = pairs_of_bytes(headers);
  if (!fields) return false;
  // The conversion may have run Python, which may have closed the connection.
  if (!exchange_) return true;
  if (status < 200 && status >= 100) return send_informational(status, fields.get());
  if (!raise(exchange_->begin_head(status)) || !add_fields(fields.get())) return false;
  if (found.place && fields.get() == headers)
    EncodedHeads::keep(*found.place, status, headers, *exchange_);
  return end_head(status);
}

bool HttpCycle::add_fields(PyObject* fields) {
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(fields);
  for (Py_ssize_t index = 0; index < count; ++index) {
    PyObject* field = PySequence_Fast_GET_ITEM(fields, index);
    if (!raise(exchange_->add_field(view_of(PySequence_Fast_GET_ITEM(field, 0)),
                                    view_of(PySequence_Fast_GET_ITEM(field, 1))))) {
      return false;
    }
  }
  return true;
}

bool HttpCycle::end_head(int status) {
  if (!raise(exchange_->end_head())) return false;
  head_sent_ = true;
  record_access(status);
  return true;
}

bool HttpCycle::send_body(py::PyBorrowed message) {
  const py::PyRef body = item(message, state_.names.body, state_.empty_bytes.get());
  const py::PyRef more_body = body ? item(message, state_.names.more_body, Py_False) : py::PyRef();
  const int more = more_body ? PyObject_IsTrue(more_body.get()) : -1;
  if (more < 0) return false;
  if (!exchange_) return true;
  if (more > 0 || trailers_ != Trailers::Announced) return write_body(body.get(), more > 0);
  // A response that cannot carry them, or whose peer does not want them, ends with its body.
  if (!write_body(body.get(), exchange_->wants_trailers())) return false;
  trailers_ = Trailers::Awaited;
  return true;
}

bool HttpCycle::write_body(py::PyBorrowed body, bool more) {
  http::SendError error{};
  if (PyBytes_CheckExact(body) &&
      PyBytes_GET_SIZE(body) > static_cast<Py_ssize_t>(base::kCopiedBodyBytes)) {
    error = exchange_->send_body(application_->releases().payload_of(body), more);
  } else {
    const BytesLike bytes(body);
    if (!bytes.ok()) return false;
    if (!exchange_) return true;  // __buffer__ ran Python, which has closed the connection
    error = exchange_->send_body(bytes.view(), more);
  }
  // Both kinds of end let go of the exchange; a connection that broke meanwhile has told us by
  // on_lost().
  if (!more || error != http::SendError::None) finish_response();
  return raise(error);
}

py::PyRef HttpCycle::sent() const {
  if (lost_ && !after_loss()) return {};
  return py::PyRef::borrow(Py_None);
}

// ASGI 2.4 wants an error where 2.3 says nothing.
py::PyRef HttpCycle::after_loss() const {
  PyObject* error = application_ ? application_->disconnect_error() : nullptr;
  if (!error) return py::PyRef::borrow(state_.done.get());
  PyErr_SetString(error, "The peer has closed the connection.");
  return {};
}

void HttpCycle::finish_response() noexcept {
  complete_ = true;
  exchange_ = nullptr;
  if (!waiters_.empty() && application_)
    application_->note_woken(*this);  // receive() now says http.disconnect
}

// uvicorn logs what stands in the scope when the response begins: middleware may have replaced the
// client.
void HttpCycle::record_access(int status) {
  server::AccessLog* log = application_->access_log();
  if (!log || !exchange_) return;
  py::Names& names = state_.names;
  PyObject* scope = scope_.get();
  std::string client;
  if (PyObject* pair = PyDict_GetItemWithError(scope, names.client.get());
      pair && PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) == 2) {
    const auto text = py::PyRef::steal(
        PyUnicode_FromFormat("%S:%S", PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1)));
    if (const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr) client = utf8;
  }
  std::string path;
  if (PyObject* text = PyDict_GetItemWithError(scope, names.path.get());
      text && PyUnicode_Check(text)) {
    Py_ssize_t size = 0;
    if (const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size))
      base::percent_encode({utf8, static_cast<std::size_t>(size)}, path);
  }
  PyErr_Clear();  // a scope that the application has filled with something odd is no reason to fail
                  // the response
  const http::RequestHead& head = exchange_->head();
  if (!head.query().empty()) path.append("?").append(head.query());
  log->record({client, head.method(), path, head.minor_version(), status});
}

// --- the end

py::PyRef HttpCycle::returned(py::PyBorrowed result) {
  const char* problem = nullptr;
  // A peer that has stopped sending was told the application as gone: to leave it unanswered is
  // right.
  const bool gone = lost_ || (exchange_ && exchange_->peer_closed());
  const bool whole = complete_ && trailers_ != Trailers::Awaited;
  if (gone || (whole && result == Py_None)) {
    if (exchange_) exchange_->abort();
  } else if (result != Py_None) {
    problem = "ASGI callable should return None, but returned '%S'.";
    if (exchange_) exchange_->abort();
  } else if (!head_sent_) {
    problem = "ASGI callable returned without starting response.";
    exchange_->refuse(500, "Internal Server Error");
  } else {
    problem = "ASGI callable returned without completing response.";
    if (exchange_) exchange_->abort();  // none: trailers that nobody waited for are missing
  }
  ended();
  return problem ? py::PyRef::steal(PyUnicode_FromFormat(problem, result))
                 : py::PyRef::borrow(Py_None);
}

void HttpCycle::failed() {
  if (exchange_ && head_sent_) {
    exchange_->abort();
  } else if (exchange_) {
    exchange_->refuse(500, "Internal Server Error");
  }
  ended();
}

void HttpCycle::ended() noexcept {
  if (exchange_) lost_ = true;  // refused or aborted above: what still sends is ignored
  exchange_ = nullptr;
  wake_waiters();
  if (Application* application = std::exchange(application_, nullptr))
    application->note_ended(*this);
}

void HttpCycle::detach(bool wake) {
  if (exchange_) exchange_->observe(nullptr);
  exchange_ = nullptr;
  lost_ = true;
  if (wake) wake_waiters();  // they see http.disconnect
  application_ = nullptr;
}

void HttpCycle::on_request_progress() {
  if (!waiters_.empty()) application_->note_woken(*this);
}

void HttpCycle::on_drained() { on_request_progress(); }

void HttpCycle::on_lost(server::Exchange&) {
  exchange_ = nullptr;
  lost_ = true;
  on_request_progress();
}

int HttpCycle::traverse(visitproc visit, void* arg) const {
  Py_VISIT(scope_.get());
  Py_VISIT(task_.get());
  for (const py::PyRef& waiter : waiters_) Py_VISIT(waiter.get());
  return 0;
}

void HttpCycle::clear() noexcept {
  scope_.reset();
  task_.reset();
  waiters_.clear();
}

}  // namespace fasterapi::asgi
