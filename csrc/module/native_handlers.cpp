// module/native_handlers.cpp: see native_handlers.hpp.
#include "module/native_handlers.hpp"

#include <cassert>
#include <string>
#include <utility>

#include "loop/entry.hpp"

namespace fasterapi::module {
namespace {

constexpr double kLongestSeconds = 1e9;  // 30 years: milliseconds of it fit any clock

// None: for ever.
bool read_timeout(PyObject* given, std::size_t& timeout_ms) {
  if (given == Py_None) return true;
  const double seconds = PyFloat_AsDouble(given);
  if (seconds == -1.0 && PyErr_Occurred()) return false;
  if (!(seconds >= 0 && seconds <= kLongestSeconds)) {
    PyErr_SetString(PyExc_ValueError, "timeout must be a number of seconds from 0 to 1e9");
    return false;
  }
  timeout_ms = static_cast<std::size_t>(seconds * 1000);
  return true;
}

bool add_route(PyObject* given, native::RouteTable& routes) {
  const char *method = nullptr, *path = nullptr;
  PyObject *address = nullptr, *user = nullptr, *timeout = nullptr, *target = nullptr;
  Py_ssize_t max_body = 0;
  int holds_gil = 0;
  if (!PyArg_ParseTuple(given, "ssOOnOpO:native", &method, &path, &address, &user, &max_body,
                        &timeout, &holds_gil, &target)) {
    return false;
  }
  auto pattern = http::PathPattern::parse(path);
  if (!pattern) {
    PyErr_Format(PyExc_ValueError, "native path '%s': %.100s", path, pattern.error().data());
    return false;
  }
  native::Route route{method, std::move(pattern.value())};
  void* const function = PyLong_AsVoidPtr(address);
  route.handler = reinterpret_cast<fa_handler>(function);
  route.user = function ? PyLong_AsVoidPtr(user) : nullptr;
  if (PyErr_Occurred()) return false;
  if (!function || max_body < 0) {
    PyErr_Format(PyExc_ValueError, "native route %s %s: %s", method, path,
                 function ? "max_body must not be negative" : "the handler's address is null");
    return false;
  }
  route.max_body = static_cast<std::size_t>(max_body);
  route.holds_gil = holds_gil != 0;
  if (!read_timeout(timeout, route.timeout_ms)) return false;
  if (routes.add(std::move(route))) return true;
  PyErr_Format(PyExc_ValueError, "native route %s %s is there twice", method, path);
  return false;
}

}  // namespace

bool read_native_routes(PyObject* given, native::RouteTable& routes) {
  if (given == Py_None) return true;
  if (!PyTuple_Check(given)) {
    PyErr_SetString(PyExc_TypeError, "native must be a tuple");
    return false;
  }
  for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(given); ++index) {
    PyObject* route = PyTuple_GET_ITEM(given, index);
    if (!PyTuple_Check(route)) {
      PyErr_SetString(PyExc_TypeError, "a native route must be a tuple");
      return false;
    }
    if (!add_route(route, routes)) return false;
  }
  return true;
}

NativeHandlers::NativeHandlers(loop::Loop& loop, native::RouteTable routes, py::PyRef kept,
                               server::EventLog& log)
    : kept_(std::move(kept)),
      timer_([this] { loop::uv_entry([&] { application_.on_time(); }, [] {}); }),
      application_(std::move(routes),
                   {[&loop] { loop.wake(); },
                    [this](std::uint64_t delay_ms) { timer_.start(delay_ms); }, log}) {
  [[maybe_unused]] const loop::UvError error = timer_.open(loop);
  assert(error.ok() && "uv_timer_init cannot fail");
}

void NativeHandlers::close() noexcept {
  application_.close();
  timer_.close();
}

}  // namespace fasterapi::module
