// aio/socket_transport.cpp: see socket_transport.hpp.
#include "aio/socket_transport.hpp"

#include <array>
#include <cerrno>
#include <memory>

#include "aio/loop_core.hpp"
#include "aio/slots.hpp"
#include "loop/socket_io.hpp"
#include "py/error.hpp"
#include "py/type.hpp"

namespace fasterapi::aio {
namespace {

constexpr const char* kReadFailed = "Fatal read error on socket transport";
constexpr const char* kWriteFailed = "Fatal write error on socket transport";
constexpr const char* kGetBufferFailed = "Fatal error: protocol.get_buffer() call failed.";
constexpr const char* kBufferUpdatedFailed = "Fatal error: protocol.buffer_updated() call failed.";
constexpr const char* kDataReceivedFailed = "Fatal error: protocol.data_received() call failed.";

// The attributes of the transport, by slot.
class Slots {
 public:
  // Looks the places up in the class, once. False with the Python error set.
  [[nodiscard]] static bool find(PyTypeObject* type, py::State& state) {
    static constexpr std::array<const char*, kCount> names{
        "_loop", "_protocol", "_buffer", "_conn_lost", "_eof", "_empty_waiter"};
    auto slots = std::make_shared<Slots>();
    for (std::size_t which = 0; which < kCount; ++which) {
      slots->offsets_[which] = find_slot(reinterpret_cast<PyObject*>(type), names[which]);
      if (slots->offsets_[which] < 0) return false;
    }
    state.transport_slots = std::move(slots);
    state.transport_class = py::PyRef::borrow(reinterpret_cast<PyObject*>(type));
    return true;
  }

  // Null where the attribute was not set yet.
  [[nodiscard]] PyObject* loop(PyObject* self) const { return get(self, kLoop); }
  [[nodiscard]] PyObject* protocol(PyObject* self) const { return get(self, kProtocol); }
  // Whether nothing stands between write() and the socket.
  [[nodiscard]] bool may_send(PyObject* self) const {
    PyObject* buffer = get(self, kBuffer);
    return !connection_lost(self) && buffer && PyObject_Size(buffer) == 0 &&
           get(self, kEof) == Py_False && get(self, kEmptyWaiter) == Py_None;
  }
  [[nodiscard]] bool connection_lost(PyObject* self) const {
    PyObject* count = get(self, kConnectionsLost);
    return !count || !PyLong_CheckExact(count) || PyLong_AsLong(count) != 0;
  }

 private:
  enum Slot : std::size_t {
    kLoop,
    kProtocol,
    kBuffer,
    kConnectionsLost,
    kEof,
    kEmptyWaiter,
    kCount
  };

  [[nodiscard]] PyObject* get(PyObject* self, Slot which) const {
    return slot_at(self, offsets_[which]);
  }

  std::array<Py_ssize_t, kCount> offsets_{};
};

// One call of one method.
struct Call {
  PyObject* self;
  py::State& state;
  const Slots& slots;
  LoopCore* core;  // null once the connection is lost

  // Of the socket as it is now, -1 for none: its user may have closed it, and the number may be
  // another file's.
  [[nodiscard]] int descriptor() const noexcept {
    const auto socket = py::PyRef::steal(PyObject_GetAttr(self, state.names._sock.get()));
    const auto fd = py::PyRef::steal(
        socket ? PyObject_CallMethodNoArgs(socket.get(), state.names.fileno.get()) : nullptr);
    const long number = fd ? PyLong_AsLong(fd.get()) : -1;
    if (number < 0) PyErr_Clear();
    return static_cast<int>(number);
  }

  // Asyncio's own method.
  [[nodiscard]] PyObject* inherited(const py::PyRef& name, PyObject* argument = nullptr) const {
    const auto method =
        py::PyRef::steal(PyObject_GetAttr(state.selector_transport_class.get(), name.get()));
    return method ? PyObject_CallFunctionObjArgs(method.get(), self, argument, nullptr) : nullptr;
  }

  // The transport is of no more use for the reason that is set as the Python error; SystemExit and
  // KeyboardInterrupt are the loop's.
  [[nodiscard]] PyObject* fail(const char* message) const {
    const auto error = py::fetch_error();
    if (py::is_exit(error)) return py::raise(error), nullptr;
    return PyObject_CallMethod(self, "_fatal_error", "Os", error.get(), message);
  }
  [[nodiscard]] PyObject* fail(const char* message, int error) const {
    errno = error;
    PyErr_SetFromErrno(PyExc_OSError);
    return fail(message);
  }
  // Nothing was read.
  [[nodiscard]] PyObject* nothing(const loop::Moved& read) const {
    if (read.would_block()) Py_RETURN_NONE;
    if (read.count < 0) return fail(kReadFailed, read.error);
    return PyObject_CallMethodNoArgs(self, state.names._read_ready__on_eof.get());
  }
};

// Null, or what to tell of the Python error that is set.
const char* take_view(PyObject* lent, Py_buffer& view) {
  const Py_ssize_t size = PyObject_Size(lent);
  if (size < 0) return kGetBufferFailed;
  if (size == 0) {
    PyErr_SetString(PyExc_RuntimeError, "get_buffer() returned an empty buffer");
    return kGetBufferFailed;
  }
  if (PyObject_GetBuffer(lent, &view, PyBUF_WRITABLE) == 0) return nullptr;
  PyErr_Format(PyExc_TypeError,  // the socket's text
               "recv_into() argument 1 must be read-write bytes-like object, not %.100s",
               Py_TYPE(lent)->tp_name);
  return kReadFailed;
}

// A protocol that lends its own memory.
PyObject* read_into_buffer(const Call& call, const py::PyRef& protocol, int fd) {
  const py::Names& names = call.state.names;
  const auto any_size = py::PyRef::steal(PyLong_FromLong(-1));
  const auto lent = py::PyRef::steal(
      PyObject_CallMethodOneArg(protocol.get(), names.get_buffer.get(), any_size.get()));
  if (!lent) return call.fail(kGetBufferFailed);
  Py_buffer view;
  if (const char* failed = take_view(lent.get(), view)) return call.fail(failed);
  const loop::Moved read =
      loop::receive_now(fd, static_cast<char*>(view.buf), static_cast<std::size_t>(view.len));
  PyBuffer_Release(&view);
  if (read.count <= 0) return call.nothing(read);
  const auto size = py::PyRef::steal(PyLong_FromSsize_t(read.count));
  const auto called = py::PyRef::steal(
      PyObject_CallMethodOneArg(protocol.get(), names.buffer_updated.get(), size.get()));
  if (!called) return call.fail(kBufferUpdatedFailed);
  Py_RETURN_NONE;
}

// What is read goes through the loop's buffer: asyncio makes a bytes object of 256 KiB per read and
// shrinks it, which costs more than to copy what came.
PyObject* read_bytes(const Call& call, const py::PyRef& protocol, int fd) {
  char* buffer = call.core->receive_buffer();
  const loop::Moved read = loop::receive_now(fd, buffer, LoopCore::kReceiveBufferBytes);
  if (read.count <= 0) return call.nothing(read);
  const auto data = py::PyRef::steal(PyBytes_FromStringAndSize(buffer, read.count));
  if (!data) return call.fail(kReadFailed);
  const auto called = py::PyRef::steal(
      PyObject_CallMethodOneArg(protocol.get(), call.state.names.data_received.get(), data.get()));
  if (!called) return call.fail(kDataReceivedFailed);
  Py_RETURN_NONE;
}

PyObject* read_ready(const Call& call) {
  const int fd = call.descriptor();
  if (!call.core || call.core->debug || fd < 0) return call.inherited(call.state.names._read_ready);
  if (call.slots.connection_lost(call.self)) Py_RETURN_NONE;
  const auto protocol = py::PyRef::borrow(call.slots.protocol(call.self));
  const int lends_memory =
      PyObject_IsInstance(protocol.get(), call.state.buffered_protocol_class.get());
  if (lends_memory < 0) return nullptr;
  return lends_memory ? read_into_buffer(call, protocol, fd) : read_bytes(call, protocol, fd);
}

// Sends at once if nothing waits to be sent; asyncio's method keeps what the socket does not take,
// and complains of what it cannot send.
PyObject* write(const Call& call, PyObject* data) {
  const auto leave_to_asyncio = [&] { return call.inherited(call.state.names.write, data); };
  const bool is_plain =
      PyBytes_CheckExact(data) || PyByteArray_CheckExact(data) || PyMemoryView_Check(data);
  const int fd = call.descriptor();
  if (!is_plain || !call.core || call.core->debug || fd < 0 || !call.slots.may_send(call.self))
    return leave_to_asyncio();
  Py_buffer view;
  if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return PyErr_Clear(), leave_to_asyncio();
  const base::ByteView bytes(static_cast<const char*>(view.buf),
                             static_cast<std::size_t>(view.len));
  const loop::Moved sent = bytes.empty() ? loop::Moved{0, 0} : loop::send_now(fd, bytes);
  PyBuffer_Release(&view);
  if (sent.count == static_cast<ssize_t>(bytes.size())) Py_RETURN_NONE;
  if (sent.would_block()) return leave_to_asyncio();
  if (sent.count < 0) return call.fail(kWriteFailed, sent.error);
  const auto whole = py::PyRef::steal(PyMemoryView_FromObject(data));
  const auto rest = py::PyRef::steal(
      whole ? PySequence_GetSlice(whole.get(), sent.count, PY_SSIZE_T_MAX) : nullptr);
  return rest ? call.inherited(call.state.names.write, rest.get()) : nullptr;
}

template <class Method>
PyObject* with_call(PyObject* self, Method&& method) noexcept {
  return py::py_entry([&]() -> PyObject* {
    PyTypeObject* type = Py_TYPE(self);
    py::State* state = py::state_of_type(type);
    if (!state) return nullptr;
    const bool known = reinterpret_cast<PyObject*>(type) == state->transport_class.get();
    if (!known && !Slots::find(type, *state)) return nullptr;
    const auto& slots = *static_cast<Slots*>(state->transport_slots.get());
    return method(Call{self, *state, slots, loop_core_or_null(slots.loop(self), *state)});
  });
}

PyObject* read_ready_method(PyObject* self, PyObject*) noexcept {
  return with_call(self, [](const Call& call) { return read_ready(call); });
}

PyObject* write_method(PyObject* self, PyObject* data) noexcept {
  return with_call(self, [&](const Call& call) { return write(call, data); });
}

PyMethodDef methods[] = {{"_read_ready", read_ready_method, METH_NOARGS, nullptr},
                         {"write", write_method, METH_O, nullptr},
                         {}};

PyType_Slot slots[] = {
    {Py_tp_methods, methods},
    {Py_tp_doc, const_cast<char*>("Hot methods; see fasterapi_asgi._transports.")},
    {0, nullptr}};

// No memory of its own: so it can stand before a class that has.
PyType_Spec spec = {"fasterapi_asgi._core.SocketTransportCore", sizeof(PyObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

bool add_socket_transport_type(PyObject* module, py::State& state) {
  state.socket_transport_core_type = py::make_type(module, spec, true);
  return static_cast<bool>(state.socket_transport_core_type);
}

}  // namespace fasterapi::aio
