// aio/loop_core.cpp: see loop_core.hpp. The turn is asyncio's (base_events.BaseEventLoop._run_once)
// with libuv as poller.
#include "aio/loop_core.hpp"

#include <cmath>
#include <ctime>
#include <memory>

#include "py/error.hpp"
#include "py/step_capture.hpp"

namespace fasterapi::aio {
namespace {

constexpr double kMaximumWaitSeconds = 24 * 3600;     // asyncio's MAXIMUM_SELECT_TIMEOUT
constexpr std::size_t kCancelledTimersToPurge = 100;  // asyncio's _MIN_SCHEDULED_TIMER_HANDLES
constexpr double kClockResolution = 1e-9;             // of CLOCK_MONOTONIC

}  // namespace

std::unique_ptr<LoopCore> LoopCore::make(py::State& state) {
  std::unique_ptr<LoopCore> core(new LoopCore(state));
  loop::UvError error = core->loop_.open();
  if (error.ok()) error = core->wait_timer_.open(core->loop_);
  if (error.ok()) error = core->fds_.open(core->loop_);
  if (error.ok()) return core;
  core->close();
  PyErr_Format(PyExc_OSError, "cannot make an event loop: %s", uv_strerror(error.code()));
  return nullptr;
}

void LoopCore::close() {
  closed = true;
  fds_.close();
  wait_timer_.close();
  close_loop();
  snapshot_.drop();
  ready_.clear();
  timers_.clear();
}

void LoopCore::leave_parent() noexcept {
  closed = inherited = true;
  thread_id.reset();
  task_factory.reset();
  loop_.leave_parent();
  fds_.leave_parent();
}

bool LoopCore::check_open() const {
  if (!closed) return true;
  PyErr_SetString(PyExc_RuntimeError,
                  inherited ? "This event loop was made before os.fork() and belongs to the parent "
                              "process: make a new one here with fasterapi_asgi.new_event_loop()"
                            : "Event loop is closed");
  return false;
}

bool LoopCore::in_loop_thread() const noexcept {
  if (!is_running()) return true;
  const unsigned long owner = PyLong_AsUnsignedLong(thread_id.get());  // threading.get_ident()'s
  if (owner == static_cast<unsigned long>(-1) && PyErr_Occurred()) PyErr_Clear();  // OverflowError
  return owner == PyThread_get_thread_ident();
}

double LoopCore::time() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool LoopCore::usable(py::PyBorrowed callback, const char* method) {
  if (!check_open()) return false;
  if (!debug) return true;
  const auto checked = py::PyRef::steal(PyObject_CallMethod(
      self_, "_check_call", "Os", callback, method));  // asyncio's checks of thread and callback
  return static_cast<bool>(checked);
}

// A timer if there is a time. Debug mode runs asyncio's constructor, which records where the handle
// was made.
py::PyRef LoopCore::make_handle(const double* when, HandleTypes::Parts parts) {
  if (debug) return construct_handle(when ? state_.timer_class : state_.handle_class, when, parts);
  if (!parts.context || parts.context == Py_None) {
    parts.context = snapshot_.take();
    parts.shares_context = true;
    if (!parts.context) return {};
  }
  return when ? handles_.make_timer(*when, parts) : handles_.make(parts);
}

py::PyRef LoopCore::construct_handle(const py::PyRef& type, const double* when,
                                     const HandleTypes::Parts& parts) {
  PyObject* context = parts.context ? parts.context : Py_None;
  if (!when) {
    return py::PyRef::steal(PyObject_CallFunctionObjArgs(type.get(), parts.callback, parts.args,
                                                         self_, context, nullptr));
  }
  const auto time = py::PyRef::steal(PyFloat_FromDouble(*when));
  if (!time) return {};
  py::PyRef timer = py::PyRef::steal(PyObject_CallFunctionObjArgs(
      type.get(), time.get(), parts.callback, parts.args, self_, context, nullptr));
  if (timer) slots_.set_scheduled(timer.get(), true);
  return timer;
}

py::PyRef LoopCore::call_soon(py::PyBorrowed callback, py::PyBorrowed args,
                              py::PyBorrowed context) {
  if (py::StepCapture::offer(state_, callback, context)) return py::PyRef::borrow(Py_None);
  if (!usable(callback, "call_soon")) return {};
  py::PyRef handle = make_handle(nullptr, {callback, args, self_, context});
  if (handle) ready_.push(py::PyRef::borrow(handle.get()));
  return handle;
}

py::PyRef LoopCore::call_soon_threadsafe(py::PyBorrowed callback, py::PyBorrowed args,
                                         py::PyBorrowed context) {
  if (!usable(callback, "call_soon_threadsafe")) return {};
  // Python 3.14 has a class for these: cancelling one blocks while its callback runs.
  const bool special = state_.threadsafe_handle_class.get() != state_.handle_class.get();
  const HandleTypes::Parts parts{callback, args, self_, context};
  py::PyRef handle = special ? construct_handle(state_.threadsafe_handle_class, nullptr, parts)
                             : make_handle(nullptr, parts);
  if (!handle) return handle;
  // The constructor of that class is a frame that tells nothing.
  if (debug && special && !slots_.drop_last_frame(handle.get())) return {};
  ready_.push(py::PyRef::borrow(handle.get()));
  // The GIL that we hold is what makes the push safe. A loop that does not poll will see it anyway:
  // no system call.
  if (polling()) loop_.wake();
  return handle;
}

py::PyRef LoopCore::call_at(double when, py::PyBorrowed callback, py::PyBorrowed args,
                            py::PyBorrowed context) {
  if (!usable(callback, "call_at")) return {};
  py::PyRef timer = make_handle(&when, {callback, args, self_, context});
  if (timer) timers_.push(when, py::PyRef::borrow(timer.get()));
  return timer;
}

py::PyRef LoopCore::add_fd_callback(FdRegistry::Side side, PyObject* file,
                                    HandleTypes::Parts parts) {
  if (!check_open()) return {};
  // It runs many times, in one context.
  const auto context =
      py::PyRef::steal(parts.context && parts.context != Py_None ? Py_NewRef(parts.context)
                                                                 : PyContext_CopyCurrent());
  if (!context) return {};
  parts.context = context.get();
  py::PyRef handle = make_handle(nullptr, parts);
  if (!handle || !fds_.add(side, file, handle.get())) return {};
  return handle;
}

void LoopCore::timer_cancelled(PyObject* handle) {
  if (slots_.scheduled(handle)) ++cancelled_timers_;
}

void LoopCore::drop_cancelled_timers() {
  if (timers_.size() > kCancelledTimersToPurge && cancelled_timers_ * 2 > timers_.size()) {
    cancelled_timers_ = 0;
    timers_.purge([&](PyObject* handle) {
      const bool gone = slots_.cancelled(handle);
      if (gone) slots_.set_scheduled(handle, false);
      return gone;
    });
  }
  while (!timers_.empty() && slots_.cancelled(timers_.first().handle)) {
    slots_.set_scheduled(timers_.pop().get(), false);
    if (cancelled_timers_ > 0) --cancelled_timers_;
  }
}

void LoopCore::collect_due_timers() {
  if (timers_.empty()) return;
  const double due = time() + kClockResolution;
  while (!timers_.empty() && timers_.first().when < due) {
    py::PyRef timer = timers_.pop();
    slots_.set_scheduled(timer.get(), false);
    ready_.push(std::move(timer));
  }
}

// Whether the poll may wait; the timer that ends it runs then.
bool LoopCore::prepare_wait() {
  if (!ready_.empty() || stopping) return false;
  if (timers_.empty()) {
    wait_timer_.stop();
    return true;
  }
  const double when = timers_.first().when;
  if (wait_timer_.active() && when == wait_until_) return true;
  const double seconds = std::fmin(when - time(), kMaximumWaitSeconds);
  if (seconds <= 0) return false;
  wait_timer_.start(
      static_cast<std::uint64_t>(std::ceil(seconds * 1000)));  // rounded up: never early
  wait_until_ = when;
  return true;
}

bool LoopCore::run_until_stopping() {
  if (in_turn_) return run_once();
  struct Turns {  // however they end
    bool& active;
    ~Turns() { active = false; }
  } const turns{in_turn_};
  in_turn_ = true;
  do {
    if (!run_once()) return false;
  } while (!stopping);
  return true;
}

bool LoopCore::run_once() {
  if (!check_open()) return false;
  snapshot_.drop();
  ++rounds_;
  drop_cancelled_timers();
  poll(prepare_wait());
  if (PyErr_CheckSignals() < 0 || !fds_.collect(ready_)) return false;
  collect_due_timers();
  if (!run_ready() || !check_open()) return false;  // a callback may have forked: this is the child
  end_turn();
  return true;
}

bool LoopCore::call_method(py::PyBorrowed object, const py::PyRef& name, py::PyBorrowed argument) {
  return static_cast<bool>(
      py::PyRef::steal(PyObject_CallMethodOneArg(object, name.get(), argument)));
}

// Exactly the handles that are there now: what they add runs in the next turn, after a poll.
bool LoopCore::run_ready() {
  for (std::size_t left = ready_.size(); left > 0 && !ready_.empty() && !closed; --left) {
    const py::PyRef handle = ready_.pop();
    if (!run_handle(handle.get())) return false;
    if (left > 1) loop_.poll_within_turn();
  }
  return true;
}

// Calls what the handle holds, as contextvars.Context.run(). Returns the exception that was raised.
py::PyRef LoopCore::call_in_context(PyObject* handle) {
  const auto context = handles_.context_to_enter(handle);
  if (!context) return py::fetch_error();
  const auto callback = py::PyRef::borrow(slots_.callback(handle));
  const auto args = py::PyRef::borrow(slots_.args(handle));
  if (PyContext_Enter(context.get()) < 0) return py::fetch_error();
  PyObject* const* items = &PyTuple_GET_ITEM(args.get(), 0);
  const auto result = py::PyRef::steal(PyObject_Vectorcall(
      callback.get(), items, static_cast<std::size_t>(PyTuple_GET_SIZE(args.get())), nullptr));
  py::PyRef error = result ? py::PyRef() : py::fetch_error();
  if (PyContext_Exit(context.get()) < 0) return py::fetch_error();
  return error;
}

bool LoopCore::run_handle(PyObject* handle) {
  const bool ours = handles_.made(handle);
  if (ours && slots_.cancelled(handle)) return true;
  // A handle that is not as we make them runs itself; debug mode measures every one.
  if (!ours || debug || !slots_.is_regular(handle)) {
    return call_method(self_, state_.names._run_handle_debug, handle);
  }
  const py::PyRef error = call_in_context(handle);
  if (!error) return true;
  if (py::is_exit(error)) {
    py::raise(error);
    return false;
  }
  return static_cast<bool>(py::PyRef::steal(PyObject_CallMethodObjArgs(
      self_, state_.names._callback_failed.get(), handle, error.get(), nullptr)));
}

int LoopCore::traverse(visitproc visit, void* arg) const {
  Py_VISIT(thread_id.get());
  Py_VISIT(task_factory.get());
  if (const int stopped = snapshot_.traverse(visit, arg)) return stopped;
  for (const auto& entry : timers_.entries()) Py_VISIT(entry.handle);
  if (const int stopped = fds_.traverse(visit, arg)) return stopped;
  return ready_.traverse(visit, arg);
}

void LoopCore::clear() noexcept {
  thread_id.reset();
  task_factory.reset();
  snapshot_.drop();
  fds_.clear();
  ready_.clear();
  timers_.clear();
}

}  // namespace fasterapi::aio
