// module/http_server.cpp: see http_server.hpp.
#include "module/http_server.hpp"

#include <utility>

#include "py/error.hpp"

namespace fasterapi::module {
namespace {

// Its connections come beside those that the limits of the server count.
server::Options admin_options(server::Options options) {
  options.counts = false;
  options.concurrency = options.max_responses = base::kUnlimited;
  return options;
}

server::Options without_probes(server::Options options) {
  options.probe_paths = {};
  return options;
}

}  // namespace

HttpServer::HttpServer(PyObject* self, aio::LoopHost& host, server::Options options, bool has_admin,
                       CacheParts cache, NativeParts native,
                       std::unique_ptr<asgi::Application> application, Callbacks callbacks)
    : self_(self),
      host_(host),
      host_object_(py::PyRef::borrow(host.self())),
      loop_(py::PyRef::borrow(host.asyncio_loop())),
      application_(std::move(application)),
      server_(host.loop(), has_admin ? without_probes(options) : options, *this),
      callbacks_(std::move(callbacks)) {
  server::EventLog& log = *this;
  if (has_admin)
    admin_ = std::make_unique<server::Server>(host.loop(), admin_options(std::move(options)), log,
                                              &server_);
  if (cache.fill) {
    cache_ = std::make_unique<CacheDoor>(host.loop(), cache.bytes, server_.options().status_lines,
                                         std::move(cache.fill), std::move(cache.is_trusted));
    server_.add_cache(cache_->cache());
  }
  if (!native.routes.empty()) {
    native_ = std::make_unique<NativeHandlers>(host.loop(), std::move(native.routes),
                                               std::move(native.kept), log);
    server_.add_application(native_->application());
    host.loop().answer_while_polling();
  }
  server_.add_application(*application_);
  application_->set_on_idle([this] { host_.loop().want_turn(); });  // somebody may wait_tasks()
  host_.loop().add_observer(*this);  // behind the server: sees what its turn has brought
  host_.add_companion(self_);
}

HttpServer::~HttpServer() { close(); }

void HttpServer::close() {
  if (!std::exchange(open_, false)) return;
  const bool can_wake = application_->tasks().can_wake();
  server_.close();
  if (admin_) admin_->close();
  if (cache_) cache_->close();
  if (native_) native_->close();
  application_->clear();
  host_.loop().remove_observer(*this);
  host_.remove_companion(self_);
  host_.releases().drain();
  if (!can_wake) return;
  resolve(disconnection_waiters_);
  resolve(task_waiters_);
}

void HttpServer::clear() {
  close();
  if (native_) native_->clear();
}

void HttpServer::flush_access_sink() {
  const std::shared_ptr<AccessSink> sink = access_sink_;
  if (sink && !sink->flush()) py::report_unraisable(loop_.get());
}

void HttpServer::set_access_sink(std::unique_ptr<AccessSink> sink) {
  flush_access_sink();
  access_sink_ = std::move(sink);
  server_.set_access_log(access_sink_.get());
  if (admin_) admin_->set_access_log(access_sink_.get());
  application_->set_access_log(access_sink_.get());
}

bool HttpServer::done(Waiting waiting) const noexcept {
  return waiting == Waiting::ForTasks ? application_->running() == 0
                                      : server_.connection_count() == 0;
}

py::PyRef HttpServer::wait(Waiting waiting) {
  py::PyRef future = py::PyRef::steal(PyObject_CallMethod(loop_.get(), "create_future", nullptr));
  if (!future) return future;
  Futures& futures = waiting == Waiting::ForTasks ? task_waiters_ : disconnection_waiters_;
  futures.push_back(py::PyRef::borrow(future.get()));
  if (!open_ || done(waiting)) resolve(futures);
  return future;
}

void HttpServer::resolve(Futures& futures) {
  for (const py::PyRef& future : std::exchange(futures, {})) {
    const auto done = py::PyRef::steal(PyObject_CallMethod(future.get(), "done", nullptr));
    if (done && done.get() == Py_True) continue;
    const auto set =
        py::PyRef::steal(PyObject_CallMethod(future.get(), "set_result", "O", Py_None));
    if (!done || !set) py::report_unraisable(future.get());
  }
}

bool HttpServer::run_turn() {
  const bool tasks_queued = application_->end_unstarted(host_.rounds());
  if (!traces_.empty()) log_traces();
  flush_access_sink();
  if (!warnings_.empty()) log_warnings();
  if (std::exchange(max_responses_reached_, false) && callbacks_.on_max_requests) {
    const auto called = py::PyRef::steal(PyObject_CallNoArgs(callbacks_.on_max_requests.get()));
    if (!called) py::report_unraisable(callbacks_.on_max_requests.get());
  }
  if (!disconnection_waiters_.empty() && done(Waiting::ForDisconnection))
    resolve(disconnection_waiters_);
  if (!task_waiters_.empty() && done(Waiting::ForTasks)) resolve(task_waiters_);
  return tasks_queued;
}

void HttpServer::log_traces() {
  constexpr int kTraceLevel = 5;  // uvicorn's
  for (const std::string& text : std::exchange(traces_, {})) {
    const auto logged = py::PyRef::steal(
        PyObject_CallMethod(callbacks_.logger.get(), "log", "is", kTraceLevel, text.c_str()));
    if (!logged) py::report_unraisable(callbacks_.logger.get());
  }
}

void HttpServer::log_warnings() {
  for (const std::string& text : std::exchange(warnings_, {})) {
    const auto logged = py::PyRef::steal(
        PyObject_CallMethod(callbacks_.logger.get(), "warning", "s", text.c_str()));
    if (!logged) py::report_unraisable(callbacks_.logger.get());
  }
}

int HttpServer::traverse(visitproc visit, void* arg) const {
  Py_VISIT(host_object_.get());
  Py_VISIT(loop_.get());
  Py_VISIT(callbacks_.logger.get());
  Py_VISIT(callbacks_.on_max_requests.get());
  for (const Futures* futures : {&disconnection_waiters_, &task_waiters_}) {
    for (const py::PyRef& future : *futures) Py_VISIT(future.get());
  }
  if (native_) {
    if (const int stopped = native_->traverse(visit, arg)) return stopped;
  }
  if (access_sink_) {
    if (const int stopped = access_sink_->traverse(visit, arg)) return stopped;
  }
  if (cache_) {
    if (const int stopped = cache_->traverse(visit, arg)) return stopped;
  }
  return application_->traverse(visit, arg);
}

}  // namespace fasterapi::module
