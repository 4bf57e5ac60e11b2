// asgi/http_cycle.cpp: see http_cycle.hpp.
#include "asgi/http_cycle.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <string>

#include "asgi/application.hpp"
#include "asgi/awaitable.hpp"
#include "base/limits.hpp"
#include "base/percent.hpp"
#include "py/error.hpp"
#include "py/type.hpp"

namespace fasterapi::asgi {
namespace {

// message[key], or the default where one is given. Null with the Python error set.
py::PyRef item(PyObject* message, const py::PyRef& key, PyObject* fallback) {
  if (PyDict_CheckExact(message)) {
    if (PyObject* found = PyDict_GetItemWithError(message, key.get()))
      return py::PyRef::borrow(found);
    if (PyErr_Occurred()) return {};
  } else {
    py::PyRef found = py::PyRef::steal(PyObject_GetItem(message, key.get()));
    if (found || !PyErr_ExceptionMatches(PyExc_KeyError)) return found;
    PyErr_Clear();  // KeyError: the mapping lacks the key
  }
  if (!fallback) PyErr_SetObject(PyExc_KeyError, key.get());
  return py::PyRef::borrow(fallback);
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
  std::array<py::PyRef, 2> parts;
  for (Py_ssize_t index = 0; pair && index < 2; ++index) {
    const BytesLike part(PyTuple_GET_ITEM(pair.get(), index));
    if (!part.ok()) return {};
    auto& made = parts[static_cast<std::size_t>(index)];
    made = py::PyRef::steal(
        PyBytes_FromStringAndSize(part.view().data(), static_cast<Py_ssize_t>(part.view().size())));
    if (!made) return {};
  }
  return pair ? py::PyRef::steal(PyTuple_Pack(2, parts[0].get(), parts[1].get())) : py::PyRef();
}

// The headers as a list or tuple of pairs of bytes, as they are if they are that already: whatever
// runs Python (iterators, __buffer__) has run when this returns. Null with the Python error set.
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

base::ByteView view_of(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

bool raise(http::SendError error) {
  if (error == http::SendError::None) return true;
  PyErr_SetString(PyExc_RuntimeError, http::text_of(error).data());  // a literal
  return false;
}

bool is(PyObject* string, const py::PyRef& name) {
  return string == name.get() || PyObject_RichCompareBool(string, name.get(), Py_EQ) == 1;
}

void unexpected(const char* expected, PyObject* type) {
  PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%s', but got '%S'.", expected, type);
}

}  // namespace

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
  if (exchange_ && !continue_sent_ && exchange_->head().expect_continue()) {
    continue_sent_ = true;  // RFC 9110 section 10.1.1: the application wants the body, now the
                            // client may send it
    exchange_->send_continue();
  }
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
  if (lost_) return py::PyRef::borrow(state_.done.get());
  const py::PyRef type = item(message, state_.names.type, nullptr);
  if (!type) return {};
  if (complete_) {
    PyErr_Format(PyExc_RuntimeError,
                 "Unexpected ASGI message '%S' sent, after response already completed.",
                 type.get());
    return {};
  }
  if (!head_sent_) {
    if (!is(type.get(), state_.names.http_response_start))
      return unexpected("http.response.start", type.get()), py::PyRef();
    if (!send_start(message)) return {};
  } else {
    if (!is(type.get(), state_.names.http_response_body))
      return unexpected("http.response.body", type.get()), py::PyRef();
    if (!send_body(message)) return {};
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
  return headers && send_head(code < 0 || code > 999 ? 0 : static_cast<int>(code), headers.get());
}

bool HttpCycle::send_head(int status, py::PyBorrowed headers) {
  const py::PyRef fields = pairs_of_bytes(headers);
  if (!fields) return false;
  // The conversion may have run Python, which may have closed the connection.
  if (!exchange_) return true;
  if (!raise(exchange_->begin_head(status))) return false;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(fields.get());
  for (Py_ssize_t index = 0; index < count; ++index) {
    PyObject* field = PySequence_Fast_GET_ITEM(fields.get(), index);
    if (!raise(exchange_->add_field(view_of(PySequence_Fast_GET_ITEM(field, 0)),
                                    view_of(PySequence_Fast_GET_ITEM(field, 1))))) {
      return false;
    }
  }
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
  return !exchange_ || write_body(body.get(), more > 0);
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
  if (gone || (complete_ && result == Py_None)) {
    if (exchange_) exchange_->abort();
  } else if (result != Py_None) {
    problem = "ASGI callable should return None, but returned '%S'.";
    if (exchange_) exchange_->abort();
  } else if (!head_sent_) {
    problem = "ASGI callable returned without starting response.";
    exchange_->refuse(500, "Internal Server Error");
  } else {
    problem = "ASGI callable returned without completing response.";
    exchange_->abort();
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
