// module/http_server_type.cpp: the Python type HttpServer: arguments and attributes around
// module/http_server.
#include <uv.h>

#include <memory>
#include <string>

#include "aio/guest_loop.hpp"
#include "aio/loop_core.hpp"
#include "module/http_server.hpp"
#include "module/server_options.hpp"
#include "py/type.hpp"

namespace fasterapi::module {
namespace {

struct HttpServerObject {
  PyObject_HEAD HttpServer* core;  // owned
};

HttpServer* core_of(PyObject* self) noexcept {
  return reinterpret_cast<HttpServerObject*>(self)->core;
}

// What __init__ was given, borrowed.
struct Arguments {
  PyObject *loop = nullptr, *app = nullptr, *run_asgi = nullptr, *logger = nullptr,
           *state = nullptr;
  PyObject* root_path = nullptr;
  PyObject* default_headers = nullptr;
  int date_header = 1;
  int trace = 0, admin = 0;
  PyObject *limit_concurrency = Py_None, *limit_max_requests = Py_None, *on_max_requests = Py_None;
  double timeout_keep_alive = 5.0;
  PyObject *limits = Py_None, *probes = Py_None;
  PyObject *is_trusted = Py_None, *apply_forwarded = Py_None;
  PyObject *spec_version = nullptr, *disconnect_error = Py_None, *extensions = nullptr;
  PyObject *fill_cache = Py_None, *cache_bytes = Py_None, *cached_endpoints = Py_None,
           *learn = Py_None;
  PyObject* native = Py_None;

  [[nodiscard]] bool parse(PyObject* args, PyObject* keywords) {
    static const char* const names[] = {"loop",
                                        "app",
                                        "run_asgi",
                                        "logger",
                                        "state",
                                        "root_path",
                                        "default_headers",
                                        "date_header",
                                        "limit_concurrency",
                                        "limit_max_requests",
                                        "on_max_requests",
                                        "timeout_keep_alive",
                                        "limits",
                                        "probes",
                                        "admin",
                                        "is_trusted",
                                        "apply_forwarded",
                                        "spec_version",
                                        "disconnect_error",
                                        "extensions",
                                        "trace",
                                        "fill_cache",
                                        "cache_bytes",
                                        "cached_endpoints",
                                        "learn",
                                        "native",
                                        nullptr};
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|$OOOOO!UOpOOOdOOpOOUOO!pOOOOO:HttpServer", const_cast<char**>(names),
            &loop, &app, &run_asgi, &logger, &PyDict_Type, &state, &root_path, &default_headers,
            &date_header, &limit_concurrency, &limit_max_requests, &on_max_requests,
            &timeout_keep_alive, &limits, &probes, &admin, &is_trusted, &apply_forwarded,
            &spec_version, &disconnect_error, &PyTuple_Type, &extensions, &trace, &fill_cache,
            &cache_bytes, &cached_endpoints, &learn, &native)) {
      return false;
    }
    if (cached_endpoints != Py_None && !PyDict_Check(cached_endpoints)) {
      PyErr_SetString(PyExc_TypeError, "cached_endpoints must be a dict");
      return false;
    }
    if (loop && app && run_asgi && logger && state) return true;
    PyErr_SetString(PyExc_TypeError, "HttpServer() needs loop, app, run_asgi, logger and state");
    return false;
  }
};

py::PyRef optional(PyObject* object) {
  return object == Py_None ? py::PyRef() : py::PyRef::borrow(object);
}

bool read_options(const Arguments& arguments, server::Options& options) {
  constexpr double kLongestSeconds = 1e9;  // 30 years: milliseconds of it fit any clock
  const double seconds = arguments.timeout_keep_alive;
  if (!(seconds >= 0 && seconds <= kLongestSeconds)) {
    PyErr_SetString(PyExc_ValueError,
                    "timeout_keep_alive must be a number of seconds from 0 to 1e9");
    return false;
  }
  options.limits.keep_alive_ms = static_cast<std::size_t>(seconds * 1000);
  options.date_field = arguments.date_header != 0;
  options.trace = arguments.trace != 0;
  if (!read_probe_paths(arguments.probes, options.probe_paths)) return false;
  options.worker = std::to_string(uv_os_getpid());
  options.counts = !options.probe_paths.metrics.empty();
  return read_limit(arguments.limit_concurrency, "limit_concurrency", options.concurrency) &&
         read_limit(arguments.limit_max_requests, "limit_max_requests", options.max_responses) &&
         read_limits(arguments.limits, options.limits) && read_phrases(options.status_lines) &&
         read_default_fields(arguments.default_headers, options);
}

// Null with TypeError set.
aio::LoopHost* host_of(PyObject* object, py::State& state) {
  if (aio::GuestLoop* guest = aio::guest_loop_of(object, state)) return guest;
  return aio::loop_core_of(object, state);
}

std::unique_ptr<HttpServer> make_server(PyObject* self, py::State& state,
                                        const Arguments& arguments) {
  aio::LoopHost* host = host_of(arguments.loop, state);
  if (!host) return nullptr;
  if (host->closed) {
    PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
    return nullptr;
  }
  server::Options options;
  if (!read_options(arguments, options)) return nullptr;
  asgi::ApplicationParts parts{
      py::PyRef::borrow(arguments.app),        py::PyRef::borrow(arguments.run_asgi),
      py::PyRef::borrow(host->asyncio_loop()), py::PyRef::borrow(arguments.state),
      py::PyRef::borrow(arguments.root_path),  optional(arguments.is_trusted),
      optional(arguments.apply_forwarded),     py::PyRef::borrow(arguments.spec_version),
      optional(arguments.disconnect_error),    py::PyRef::borrow(arguments.extensions),
      optional(arguments.cached_endpoints),    optional(arguments.learn)};
  // No key in the scopes, as in uvicorn's.
  if (parts.extensions && PyTuple_GET_SIZE(parts.extensions.get()) == 0) parts.extensions.reset();
  if (!parts.spec_version) parts.spec_version = py::PyRef::steal(PyUnicode_FromString("2.3"));
  if (!parts.spec_version) return nullptr;
  if (!parts.root_path) parts.root_path = py::PyRef::steal(PyUnicode_FromString(""));
  const char* root_path = parts.root_path ? PyUnicode_AsUTF8(parts.root_path.get()) : nullptr;
  if (!root_path) return nullptr;
  options.root_path = root_path;
  HttpServer::CacheParts cache;
  cache.fill = optional(arguments.fill_cache);
  cache.is_trusted = optional(arguments.is_trusted);
  if (!read_limit(arguments.cache_bytes, "cache_bytes", cache.bytes)) return nullptr;
  HttpServer::NativeParts native{{}, optional(arguments.native)};
  if (!read_native_routes(arguments.native, native.routes)) return nullptr;
  auto application = asgi::Application::make(state, host->releases(), std::move(parts));
  if (!application) return nullptr;
  HttpServer::Callbacks callbacks{py::PyRef::borrow(arguments.logger),
                                  optional(arguments.on_max_requests)};
  return std::make_unique<HttpServer>(self, *host, std::move(options), arguments.admin != 0,
                                      std::move(cache), std::move(native), std::move(application),
                                      std::move(callbacks));
}

int server_init(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
  const auto done = py::PyRef::steal(py::py_entry([&]() -> PyObject* {
    auto* object = reinterpret_cast<HttpServerObject*>(self);
    Arguments arguments;
    py::State* state = py::state_of_type(Py_TYPE(self));
    if (!state || !arguments.parse(args, keywords)) return nullptr;
    if (object->core)
      return PyErr_SetString(PyExc_RuntimeError, "the server is made already"), nullptr;
    auto made = make_server(self, *state, arguments);
    if (!made) return nullptr;
    object->core = made.release();
    Py_RETURN_NONE;
  }));
  return done ? 0 : -1;
}

// Runs `call` on the server; an object whose __init__ failed has none.
template <class Call>
PyObject* with_server(PyObject* self, Call&& call) noexcept {
  return py::py_entry([&]() -> PyObject* {
    if (HttpServer* server = core_of(self)) return call(*server);
    PyErr_SetString(PyExc_RuntimeError, "the server was not initialised");
    return nullptr;
  });
}

// The same for what touches connections and listeners: they belong to the loop's thread, which
// polls without the GIL.
template <class Call>
PyObject* with_server_here(PyObject* self, Call&& call) noexcept {
  return with_server(self, [&](HttpServer& server) -> PyObject* {
    if (server.host().in_loop_thread()) return call(server);
    PyErr_SetString(PyExc_RuntimeError,
                    "an HttpServer belongs to the thread of its loop: use call_soon_threadsafe()");
    return nullptr;
  });
}

PyObject* listen_on(HttpServer& server, server::Server* acceptor, PyObject* args) {
  int fd = -1;
  int backlog = 0;
  if (!PyArg_ParseTuple(args, "ii:listen", &fd, &backlog)) return nullptr;
  if (!acceptor || !server.is_open()) {
    PyErr_SetString(PyExc_RuntimeError,
                    acceptor ? "the server is closed" : "the server was made without admin");
    return nullptr;
  }
  const loop::UvError error = acceptor->listen(fd, backlog);
  if (error.ok()) Py_RETURN_NONE;
  errno = error.errno_value();
  return PyErr_SetFromErrno(PyExc_OSError);
}

PyObject* listen(PyObject* self, PyObject* args) noexcept {
  return with_server_here(
      self, [&](HttpServer& server) { return listen_on(server, &server.server(), args); });
}
PyObject* listen_admin(PyObject* self, PyObject* args) noexcept {
  return with_server_here(
      self, [&](HttpServer& server) { return listen_on(server, server.admin(), args); });
}
PyObject* stop_listening_admin(PyObject* self, PyObject*) noexcept {
  return with_server_here(self, [](HttpServer& server) {
    if (server::Server* admin = server.admin()) admin->stop_listening();
    return Py_NewRef(Py_None);
  });
}

PyObject* stop_listening(PyObject* self, PyObject*) noexcept {
  return with_server_here(self, [](HttpServer& server) {
    return server.server().stop_listening(), Py_NewRef(Py_None);
  });
}
PyObject* shutdown(PyObject* self, PyObject*) noexcept {
  return with_server_here(
      self, [](HttpServer& server) { return server.server().shut_down(), Py_NewRef(Py_None); });
}
PyObject* abort_(PyObject* self, PyObject*) noexcept {
  return with_server_here(
      self, [](HttpServer& server) { return server.server().abort(), Py_NewRef(Py_None); });
}
PyObject* close_(PyObject* self, PyObject*) noexcept {
  return with_server_here(self,
                          [](HttpServer& server) { return server.close(), Py_NewRef(Py_None); });
}
PyObject* wait_disconnected(PyObject* self, PyObject*) noexcept {
  return with_server_here(self, [](HttpServer& server) {
    return server.wait(HttpServer::Waiting::ForDisconnection).release();
  });
}
PyObject* wait_tasks(PyObject* self, PyObject*) noexcept {
  return with_server_here(self, [](HttpServer& server) {
    return server.wait(HttpServer::Waiting::ForTasks).release();
  });
}

// The cache's door; RuntimeError where there is none.
template <class Call>
PyObject* with_cache(HttpServer& server, Call&& call) {
  if (CacheDoor* cache = server.cache()) return call(*cache).release();
  PyErr_SetString(PyExc_RuntimeError, "the server was made without fill_cache");
  return nullptr;
}

PyObject* cache_declare(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
  return with_server_here(self, [&](HttpServer& server) {
    return with_cache(server, [&](CacheDoor& cache) { return cache.declare(args, keywords); });
  });
}
PyObject* cache_complete(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
  return with_server_here(self, [&](HttpServer& server) {
    return with_cache(server, [&](CacheDoor& cache) { return cache.complete(args, keywords); });
  });
}
PyObject* cache_fail(PyObject* self, PyObject* args) noexcept {
  return with_server_here(self, [&](HttpServer& server) {
    return with_cache(server, [&](CacheDoor& cache) { return cache.fail(args); });
  });
}
PyObject* cache_invalidate(PyObject* self, PyObject* args) noexcept {
  return with_server(self, [&](HttpServer& server) {
    return with_cache(server, [&](CacheDoor& cache) { return cache.invalidate(args); });
  });
}

bool read_styles(PyObject* pairs, LineSink::Styles& styles) {
  if (!pairs) return true;
  const auto list =
      py::PyRef::steal(PySequence_Fast(pairs, "status_styles must be a list of five pairs"));
  if (!list) return false;
  if (PySequence_Fast_GET_SIZE(list.get()) != static_cast<Py_ssize_t>(styles.status.size())) {
    PyErr_SetString(PyExc_ValueError, "status_styles must be a list of five pairs");
    return false;
  }
  for (std::size_t index = 0; index < styles.status.size(); ++index) {
    const char *before = nullptr, *behind = nullptr;
    const auto pair = py::PyRef::steal(
        PySequence_Tuple(PySequence_Fast_GET_ITEM(list.get(), static_cast<Py_ssize_t>(index))));
    if (!pair || !PyArg_ParseTuple(pair.get(), "ss:status_styles", &before, &behind)) return false;
    styles.status[index] = {before, behind};
  }
  return true;
}

PyObject* set_access_log(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
  return with_server_here(self, [&](HttpServer& server) -> PyObject* {
    static const char* const names[] = {"record",        "write",         "prefix",
                                        "request_style", "status_styles", nullptr};
    PyObject *record = Py_None, *write = Py_None, *status_styles = nullptr;
    const char *prefix = "", *before = "", *behind = "";
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O$Os(ss)O:set_access_log",
                                     const_cast<char**>(names), &record, &write, &prefix, &before,
                                     &behind, &status_styles)) {
      return nullptr;
    }
    std::unique_ptr<AccessSink> sink;
    if (write != Py_None) {
      LineSink::Styles styles{prefix, {before, behind}, {}};
      if (!read_styles(status_styles, styles)) return nullptr;
      const http::StatusLines& lines = server.server().options().status_lines;
      sink = std::make_unique<LineSink>(py::PyRef::borrow(write), std::move(styles), lines);
    } else if (record != Py_None) {
      sink = std::make_unique<CallSink>(py::PyRef::borrow(record));
    }
    server.set_access_sink(std::move(sink));
    Py_RETURN_NONE;
  });
}

PyObject* get_loop(PyObject* self, void*) noexcept {
  return with_server(self, [](HttpServer& server) { return Py_NewRef(server.host().self()); });
}
PyObject* get_connections(PyObject* self, void*) noexcept {
  return with_server(self, [](HttpServer& server) {
    return PyLong_FromSize_t(server.server().connection_count());
  });
}
PyObject* get_tasks(PyObject* self, void*) noexcept {
  return with_server(
      self, [](HttpServer& server) { return server.application().running_tasks().release(); });
}
PyObject* get_total_requests(PyObject* self, void*) noexcept {
  return with_server(self, [](HttpServer& server) {
    return PyLong_FromUnsignedLongLong(server.server().response_count());
  });
}

int server_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const HttpServer* server = core_of(self);
  return server ? server->traverse(visit, arg) : 0;
}

int server_clear(PyObject* self) {
  HttpServer* server = core_of(self);
  // The collector may run in any thread; in another one the deallocation does it, later.
  if (server && server->host().in_loop_thread()) server->clear();
  return 0;
}

void server_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  std::unique_ptr<HttpServer> core(
      std::exchange(reinterpret_cast<HttpServerObject*>(self)->core, nullptr));
  if (core && !core->host().in_loop_thread()) {
    aio::LoopHost& host = core->host();
    core->forget_self();
    host.destroy_later(std::move(core));
  }
  core.reset();
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"listen", listen, METH_VARARGS,
     "listen($self, fd, backlog)\n--\n\nAccept connections on a bound socket."},
    {"listen_admin", listen_admin, METH_VARARGS,
     "listen_admin($self, fd, backlog)\n--\n\nAnswer the probes, and nothing else, on a socket."},
    {"stop_listening_admin", stop_listening_admin, METH_NOARGS,
     "stop_listening_admin($self)\n--\n\nClose every listener of listen_admin()."},
    {"stop_listening", stop_listening, METH_NOARGS,
     "stop_listening($self)\n--\n\nClose every listener."},
    {"shutdown", shutdown, METH_NOARGS, "shutdown($self)\n--\n\nBegin the graceful stop."},
    {"abort", abort_, METH_NOARGS, "abort($self)\n--\n\nClose every connection at once."},
    {"wait_disconnected", wait_disconnected, METH_NOARGS,
     "wait_disconnected($self)\n--\n\nReturn a future that is done when no connection is open."},
    {"wait_tasks", wait_tasks, METH_NOARGS,
     "wait_tasks($self)\n--\n\nReturn a future that is done when no request task is unfinished."},
    {"set_access_log", py::as_method(set_access_log), METH_VARARGS | METH_KEYWORDS,
     "set_access_log($self, record=None, *, write=None, prefix='', request_style=('', ''), "
     "status_styles=...)\n--\n\n"
     "Choose what happens to access records."},
    {"cache_declare", py::as_method(cache_declare), METH_VARARGS | METH_KEYWORDS,
     "cache_declare($self, path, *, vary, query, statuses, fresh_ms, stale_ms, "
     "needs_lifetime=False, learned=False)\n--\n\n"
     "Answer requests of a path from the cache."},
    {"cache_complete", py::as_method(cache_complete), METH_VARARGS | METH_KEYWORDS,
     "cache_complete($self, number, status, headers, body, etag, /, *, fresh_ms=None, "
     "stale_ms=None, vary=())\n--\n\n"
     "Give what a fill has brought; return why it cannot be stored, or None."},
    {"cache_fail", cache_fail, METH_VARARGS,
     "cache_fail($self, number, /)\n--\n\nEnd a fill that has brought nothing to store."},
    {"cache_invalidate", cache_invalidate, METH_VARARGS,
     "cache_invalidate($self, path=None, /)\n--\n\n"
     "Forget what is stored of a decoded path, or all. Any thread."},
    {"close", close_, METH_NOARGS,
     "close($self)\n--\n\nRelease listeners, connections and references."},
    {}};

PyGetSetDef attributes[] = {
    {"loop", get_loop, nullptr, "What it was given as loop.", nullptr},
    {"connections", get_connections, nullptr, "Open connections.", nullptr},
    {"tasks", get_tasks, nullptr, "The unfinished request tasks.", nullptr},
    {"total_requests", get_total_requests, nullptr, "Responses completed.", nullptr},
    {}};

PyType_Slot slots[] = {
    {Py_tp_init, reinterpret_cast<void*>(server_init)},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {Py_tp_dealloc, reinterpret_cast<void*>(server_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(server_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(server_clear)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_doc, const_cast<char*>("Serves one ASGI application on one loop, in one thread.")},
    {0, nullptr}};

PyType_Spec spec = {"fasterapi_asgi._core.HttpServer", sizeof(HttpServerObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool add_http_server_type(PyObject* module, py::State& state) {
  state.http_server_type = py::make_type(module, spec, true);
  return static_cast<bool>(state.http_server_type);
}

}  // namespace fasterapi::module
