// asgi/application.cpp: see application.hpp.
#include "asgi/application.hpp"

#include <algorithm>
#include <utility>

#include "asgi/message.hpp"
#include "py/error.hpp"

namespace fasterapi::asgi {

Application::Application(py::State& module_state, py::ReleaseQueue& releases,
                         ApplicationParts parts)
    : state_(module_state),
      releases_(releases),
      parts_(std::move(parts)),
      scopes_(module_state,
              {py::PyRef::borrow(parts_.state.get()), py::PyRef::borrow(parts_.root_path.get()),
               py::PyRef::borrow(parts_.spec_version.get()),
               py::PyRef::borrow(parts_.extensions.get())}),
      declarations_(module_state, py::PyRef::borrow(parts_.cached_endpoints.get()),
                    py::PyRef::borrow(parts_.learn.get())) {}

std::unique_ptr<Application> Application::make(py::State& module_state, py::ReleaseQueue& releases,
                                               ApplicationParts parts) {
  std::unique_ptr<Application> made(new Application(module_state, releases, std::move(parts)));
  if (!made->tasks_.open(module_state, made->parts_.loop.get()) || !made->read_extensions()) {
    const py::ErrorKept kept;  // its end asks the loop whether it runs
    made.reset();
  }
  return made;
}

Application::~Application() { clear(); }

bool Application::read_extensions() {
  const py::Names& names = state_.names;
  PyObject* given = parts_.extensions.get();
  for (Py_ssize_t index = 0; given && index < PyTuple_GET_SIZE(given); ++index) {
    PyObject* name = PyTuple_GET_ITEM(given, index);
    if (is(name, names.http_response_early_hint)) {
      extensions_.early_hint = true;
    } else if (is(name, names.http_response_pathsend)) {
      extensions_.pathsend = true;
    } else if (is(name, names.http_response_trailers)) {
      extensions_.trailers = true;
    } else if (is(name, names.fasterapi_cache)) {
      declarations_.set_offered();
    } else {
      PyErr_Format(PyExc_ValueError, "unknown extension %R", name);
      return false;
    }
  }
  return true;
}

bool Application::start(server::Exchange& exchange) {
  exchange.observe(this);
  pending_.push_back(&exchange);
  return true;
}

void Application::on_lost(server::Exchange& exchange) {
  if (starting_ == &exchange) starting_ = nullptr;
  std::erase(pending_, &exchange);
}

std::size_t Application::run_pending(std::size_t most) {
  wake_cycles();
  if (pending_.empty()) return 0;
  tasks_.begin_batch();
  const std::size_t count = std::min(most, pending_.size());
  std::size_t started = 0;
  while (started < count && !pending_.empty()) {
    // One by one: a request that the task of another one closes leaves pending_ meanwhile.
    server::Exchange* exchange = pending_.front();
    pending_.pop_front();
    ++started;
    if (!start_task(*exchange)) {
      py::report_unraisable(parts_.app.get());
    }
  }
  return started;
}

void Application::wake_cycles() {
  std::vector<py::PyRef> cycles;  // references: what one wakes may end another
  for (HttpCycle* cycle : std::exchange(woken_, {})) {
    cycle->woken = false;
    cycles.push_back(py::PyRef::borrow(cycle->self()));
  }
  for (const py::PyRef& cycle : cycles) cycle_of(cycle.get()).wake_waiters();
}

bool Application::start_task(server::Exchange& exchange) {
  exchange.note_start();
  starting_ = &exchange;
  py::PyRef scope = make_scope(exchange);
  if (!std::exchange(starting_, nullptr)) return PyErr_Occurred() == nullptr;
  exchange.observe(nullptr);
  py::PyRef cycle =
      scope ? new_cycle(state_, *this, exchange, py::PyRef::borrow(scope.get())) : py::PyRef();
  if (!cycle) {
    exchange.refuse(500, "Internal Server Error");
    return false;
  }
  HttpCycle& core = cycle_of(cycle.get());
  core.position = running_.size();
  running_.push_back(cycle.new_reference());
  const auto receive = py::PyRef::steal(PyObject_GetAttr(cycle.get(), state_.names.receive.get()));
  const auto send = py::PyRef::steal(PyObject_GetAttr(cycle.get(), state_.names.send.get()));
  PyObject* arguments[] = {parts_.app.get(), scope.get(), receive.get(), send.get(), cycle.get()};
  py::PyRef coroutine =
      receive && send
          ? py::PyRef::steal(PyObject_Vectorcall(parts_.run_asgi.get(), arguments, 5, nullptr))
          : py::PyRef();
  py::PyRef task = coroutine ? tasks_.run(std::move(coroutine)) : py::PyRef();
  if (!task) {
    const py::PyRef error = py::fetch_error();
    core.failed();
    py::raise(error);
    return false;
  }
  core.set_task(std::move(task));
  if (!tasks_.starts_inline() && !core.has_ended()) {
    core.queued = true;
    queued_.push_back(&core);
  }
  return true;
}

// What runs Python here may close the connection: then starting_ is null, the exchange is gone, and
// so is the result.
py::PyRef Application::make_scope(server::Exchange& exchange) {
  const ConnectionScope* connection = connection_scope(exchange);
  if (!connection) return {};
  const bool forwarded = connection->trusted() && exchange.head().forwarded();
  py::PyRef scope = scopes_.make(exchange.head(), *connection);
  if (scope && forwarded && !apply_forwarded(scope.get())) return {};
  return scope;
}

const ConnectionScope* Application::connection_scope(server::Exchange& exchange) {
  if (!exchange.connection_data()) {
    py::PyRef client;
    py::PyRef scope = scopes_.make_template(exchange, client);
    bool trusted = false;
    if (scope && parts_.is_trusted) {
      const auto is_trusted =
          py::PyRef::borrow(parts_.is_trusted.get());  // it may close the server
      const auto answer = py::PyRef::steal(PyObject_CallFunction(
          is_trusted.get(), "s", exchange.peer().is_unix ? "" : exchange.peer().host.c_str()));
      const int truth = answer ? PyObject_IsTrue(answer.get()) : -1;
      if (truth < 0 || !starting_) return nullptr;
      trusted = truth > 0;
    }
    if (!scope) return nullptr;
    exchange.connection_data() =
        std::make_unique<ConnectionScope>(std::move(scope), std::move(client), trusted, releases_);
  }
  // Nobody else puts data into our exchanges.
  return static_cast<const ConnectionScope*>(exchange.connection_data().get());
}

bool Application::apply_forwarded(PyObject* scope) {
  const auto apply = py::PyRef::borrow(parts_.apply_forwarded.get());  // it may close the server
  return !apply || py::PyRef::steal(PyObject_CallOneArg(apply.get(), scope));
}

void Application::note_woken(HttpCycle& cycle) {
  if (!std::exchange(cycle.woken, true)) woken_.push_back(&cycle);
}

void Application::note_ended(HttpCycle& cycle) {
  if (std::exchange(cycle.woken, false)) std::erase(woken_, &cycle);
  if (std::exchange(cycle.queued, false)) {
    std::erase(queued_, &cycle);
    std::erase(queued_in_round_, &cycle);
  }
  const std::size_t position = cycle.position;
  const auto ended = py::PyRef::steal(std::exchange(running_[position], running_.back()));
  cycle_of(running_[position]).position = position;
  running_.pop_back();
  if (running_.empty() && on_idle_) on_idle_();
}

bool Application::end_unstarted(std::uint64_t round) {
  bool ended = false;
  if (std::exchange(round_, round) != round) {
    while (!queued_in_round_.empty()) {  // one that ends may end others
      const auto cycle = py::PyRef::borrow(queued_in_round_.back()->self());
      queued_in_round_.pop_back();
      ended |= end_if_cancelled(cycle_of(cycle.get()));
    }
  }
  queued_in_round_.insert(queued_in_round_.end(), queued_.begin(), queued_.end());
  queued_.clear();
  return ended || !queued_in_round_.empty();
}

bool Application::end_if_cancelled(HttpCycle& cycle) {
  cycle.queued = false;
  const auto done =
      py::PyRef::steal(PyObject_CallMethodNoArgs(cycle.task(), state_.names.done.get()));
  if (!done) py::report_unraisable(cycle.task());
  if (done.get() != Py_True) return false;
  cycle.failed();
  return true;
}

py::PyRef Application::running_tasks() const {
  py::PyRef tasks = py::PyRef::steal(PySet_New(nullptr));
  for (PyObject* cycle : running_) {
    PyObject* task = cycle_of(cycle).task();
    if (!tasks || (task && PySet_Add(tasks.get(), task) < 0)) return {};
  }
  return tasks;
}

int Application::traverse(visitproc visit, void* arg) const {
  for (const py::PyRef* part :
       {&parts_.app, &parts_.run_asgi, &parts_.loop, &parts_.state, &parts_.root_path,
        &parts_.is_trusted, &parts_.apply_forwarded, &parts_.disconnect_error,
        &parts_.cached_endpoints, &parts_.learn}) {
    Py_VISIT(part->get());
  }
  for (PyObject* cycle : running_) Py_VISIT(cycle);
  if (const int stopped = scopes_.traverse(visit, arg)) return stopped;
  if (const int stopped = declarations_.traverse(visit, arg)) return stopped;
  if (const int stopped = encoded_heads_.traverse(visit, arg)) return stopped;
  return tasks_.traverse(visit, arg);
}

void Application::clear() noexcept {
  pending_.clear();
  woken_.clear();
  queued_.clear();
  queued_in_round_.clear();
  const bool wake = tasks_.can_wake();
  for (PyObject* cycle : std::exchange(running_, {})) {
    cycle_of(cycle).detach(wake);
    Py_DECREF(cycle);
  }
  scopes_.clear();
  declarations_.clear();
  encoded_heads_.clear();
  tasks_.clear();
  parts_ = {};
}

}  // namespace fasterapi::asgi
