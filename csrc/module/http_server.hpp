// module/http_server.hpp: joins a LoopHost, server::Server and asgi::Application into the Python
// object HttpServer. The only place that knows all of them. Needs the GIL, but for the event log's
// methods.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aio/loop_host.hpp"
#include "asgi/application.hpp"
#include "module/access_sinks.hpp"
#include "module/cache_door.hpp"
#include "module/native_handlers.hpp"
#include "server/server.hpp"

namespace fasterapi::module {

class HttpServer final : loop::TurnObserver, server::EventLog {
 public:
  struct Callbacks {
    py::PyRef logger;
    py::PyRef on_max_requests;  // may be null
  };

  struct CacheParts {
    std::size_t bytes = base::kCacheBytes;
    py::PyRef fill;        // null: there is no cache
    py::PyRef is_trusted;  // may be null
  };

  struct NativeParts {
    native::RouteTable routes;  // may be empty
    py::PyRef kept;             // what the handlers live in
  };

  // `self` is the Python object that owns this. With `has_admin` the probes of the options are
  // those of the admin server alone.
  HttpServer(PyObject* self, aio::LoopHost& host, server::Options options, bool has_admin,
             CacheParts cache, NativeParts native, std::unique_ptr<asgi::Application> application,
             Callbacks callbacks);
  ~HttpServer();

  [[nodiscard]] server::Server& server() noexcept { return server_; }
  // Null: there is none.
  [[nodiscard]] server::Server* admin() noexcept { return admin_.get(); }
  [[nodiscard]] asgi::Application& application() noexcept { return *application_; }
  // Null: there is none.
  [[nodiscard]] CacheDoor* cache() noexcept { return cache_.get(); }
  void set_access_sink(std::unique_ptr<AccessSink> sink);

  enum class Waiting { ForDisconnection, ForTasks };
  // A future that is done as soon as there is nothing left of what is waited for. Null with the
  // Python error set.
  [[nodiscard]] py::PyRef wait(Waiting waiting);

  [[nodiscard]] aio::LoopHost& host() noexcept { return host_; }
  [[nodiscard]] bool is_open() const noexcept { return open_; }
  void close();
  // Closes, and lets go of the native handlers. REQUIRES: none runs.
  void clear();
  // The Python object is gone, this follows in the loop's thread.
  void forget_self() noexcept { host_.remove_companion(self_); }
  [[nodiscard]] int traverse(visitproc visit, void* arg) const;

 private:
  using Futures = std::vector<py::PyRef>;

  void flush() override {}
  bool run_turn() override;
  void loop_closing() override { close(); }
  void warning(base::ByteView text) override { warnings_.emplace_back(text); }
  void trace(base::ByteView text) override { traces_.emplace_back(text); }
  void max_responses_reached() override { max_responses_reached_ = true; }

  void flush_access_sink();
  void log_traces();
  void log_warnings();
  void resolve(Futures& futures);
  [[nodiscard]] bool done(Waiting waiting) const noexcept;

  PyObject* const self_;  // borrowed
  aio::LoopHost& host_;
  py::PyRef host_object_;  // keeps host_
  py::PyRef loop_;
  std::unique_ptr<asgi::Application> application_;
  std::unique_ptr<NativeHandlers> native_;  // null: there is no route
  server::Server server_;
  std::unique_ptr<CacheDoor> cache_;
  std::unique_ptr<server::Server> admin_;  // answers probes about server_ on addresses of its own
  Callbacks callbacks_;
  std::shared_ptr<AccessSink> access_sink_;  // shared: its Python part may replace it
  std::vector<std::string> traces_;
  std::vector<std::string> warnings_;
  Futures disconnection_waiters_;
  Futures task_waiters_;
  bool max_responses_reached_ = false;
  bool open_ = true;
};

[[nodiscard]] bool add_http_server_type(PyObject* module, py::State& state);

}  // namespace fasterapi::module
