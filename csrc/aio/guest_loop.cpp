// aio/guest_loop.cpp: see guest_loop.hpp.
#include "aio/guest_loop.hpp"

#include <utility>

#include "py/error.hpp"

namespace fasterapi::aio {

GuestLoop::GuestLoop(py::State& state, py::PyRef asyncio_loop) noexcept
    : LoopHost(state),
      asyncio_loop_(std::move(asyncio_loop)),
      thread_(PyThread_get_thread_ident()) {}

std::unique_ptr<GuestLoop> GuestLoop::make(py::State& state, py::PyRef asyncio_loop) {
  std::unique_ptr<GuestLoop> made(new GuestLoop(state, std::move(asyncio_loop)));
  made->context_ = py::PyRef::steal(PyContext_CopyCurrent());
  if (!made->context_) return nullptr;
  if (const loop::UvError error = made->loop_.open(); !error.ok()) {
    PyErr_Format(PyExc_OSError, "cannot make an event loop: %s", error.text().data());
    return nullptr;
  }
  made->loop_.set_driver(made.get());
  return made;
}

bool GuestLoop::start(PyObject* self) {
  self_ = self;
  const auto pump = py::PyRef::steal(PyObject_GetAttr(self, state_.names.pump.get()));
  if (!pump) return false;
  reading_ = static_cast<bool>(py::PyRef::steal(PyObject_CallMethod(
      asyncio_loop_.get(), "add_reader", "iO", loop_.backend_fd(), pump.get())));
  return reading_ && schedule_turn();  // libuv tells the kernel of its wake-up at the first poll
}

bool GuestLoop::in_loop_thread() const noexcept {
  if (!asyncio_loop_ || PyThread_get_thread_ident() == thread_) return true;
  const py::ErrorKept kept;  // the question may come from a destructor
  return asyncio_loop_is_closed();
}

// --- the turn

bool GuestLoop::pump() {
  if (in_turn_ || closed) return true;  // a callback runs the asyncio loop, nested; or is late
  thread_ = PyThread_get_thread_ident();
  turn_wanted_ = false;
  soon_is_old_ = static_cast<bool>(soon_);
  in_turn_ = true;
  make_turn();
  in_turn_ = false;
  if (closed) return close_loop(), true;
  // More than that would keep the loop's other callbacks waiting.
  if (loop_.has_work() || loop_.timeout_ms() == 0) return schedule_turn();
  return schedule_timer();
}

// Polls once more where that changed what is polled for: libuv tells the kernel of a new connection
// or a new timer at the next poll, which the descriptor does not ask for.
void GuestLoop::make_turn() {
  constexpr int kPolls = 2;
  for (int count = 0; count < kPolls; ++count) {
    ++turns_;
    poll(false);
    end_turn();
    if (closed) return;
    flush();
    if (loop_.has_work() || loop_.timeout_ms() != 0) return;
  }
}

bool GuestLoop::on_soon() {
  if (!soon_is_old_) ++rounds_;  // what the last turn has queued has run
  soon_.reset();
  return !turn_wanted_ || pump();  // the descriptor may have brought the turn meanwhile
}

bool GuestLoop::on_timer() {
  timer_.reset();
  loop_.update_time();  // a poll that need not wait asks only a clock that may be late
  return pump();
}

void GuestLoop::turn_wanted() noexcept {
  if (in_turn_ || closed || turn_wanted_) return;
  const py::ErrorKept kept;  // whoever calls may be about to raise
  if (schedule_turn()) return;
  const py::PyRef error = py::fetch_error();
  if (asyncio_loop_is_closed()) return;  // what is left is done when we are closed
  py::raise(error);
  py::report_unraisable(self_);
}

bool GuestLoop::schedule_turn() {
  if (!soon_ && asyncio_loop_)
    soon_ = schedule(state_.names.call_soon, nullptr, state_.names._on_soon);
  turn_wanted_ = static_cast<bool>(soon_);
  return turn_wanted_ || !asyncio_loop_;
}

// One timer of the asyncio loop for all of libuv's. It is armed anew only for an earlier time: when
// it is due too early, the turn that it makes arms it for the rest.
bool GuestLoop::schedule_timer() {
  int timeout_ms = loop_.timeout_ms();
  if (timeout_ms < 0 || !asyncio_loop_) return true;
  if (timer_ && timer_due_ms_ <= loop_.now_ms() + static_cast<std::uint64_t>(timeout_ms))
    return true;
  if (timer_) cancel(std::move(timer_));
  loop_.update_time();  // the turn may have taken long
  timeout_ms = loop_.timeout_ms();
  timer_due_ms_ = loop_.now_ms() + static_cast<std::uint64_t>(timeout_ms);
  const auto delay = py::PyRef::steal(PyFloat_FromDouble(timeout_ms / 1000.0));
  if (delay) timer_ = schedule(state_.names.call_later, delay.get(), state_.names._on_timer);
  return static_cast<bool>(timer_);
}

py::PyRef GuestLoop::schedule(const py::PyRef& method, py::PyBorrowed delay,
                              const py::PyRef& callback) {
  const auto bound = py::PyRef::steal(PyObject_GetAttr(self_, callback.get()));
  if (!bound) return {};
  PyObject* arguments[] = {asyncio_loop_.get(), delay ? delay : bound.get(),
                           delay ? bound.get() : context_.get(), context_.get()};
  return py::PyRef::steal(PyObject_VectorcallMethod(method.get(), arguments, delay ? 3 : 2,
                                                    state_.context_keyword.get()));
}

// --- the end

void GuestLoop::cancel(py::PyRef handle) noexcept {
  const auto cancelled =
      py::PyRef::steal(PyObject_CallMethodNoArgs(handle.get(), state_.names.cancel.get()));
  if (!cancelled) py::report_unraisable(handle.get());
}

bool GuestLoop::asyncio_loop_is_closed() const noexcept {
  PyObject* loop = asyncio_loop_.get();
  const auto is_closed = py::PyRef::steal(PyObject_CallMethod(loop, "is_closed", nullptr));
  if (!is_closed) py::report_unraisable(loop);
  return is_closed.get() == Py_True;
}

// A closed loop has forgotten its readers.
void GuestLoop::remove_reader() noexcept {
  PyObject* loop = asyncio_loop_.get();
  if (asyncio_loop_is_closed()) return;
  const auto removed =
      py::PyRef::steal(PyObject_CallMethod(loop, "remove_reader", "i", loop_.backend_fd()));
  if (!removed) py::report_unraisable(loop);
}

void GuestLoop::close() {
  if (std::exchange(closed, true)) return;
  if (soon_) cancel(std::move(soon_));
  if (timer_) cancel(std::move(timer_));
  // First, since the asyncio loop may be built on a libuv that aborts when a descriptor that it
  // watches is closed.
  if (asyncio_loop_ && reading_) remove_reader();
  if (!in_turn_) close_loop();
}

void GuestLoop::leave_parent() noexcept {
  closed = true;  // no reader is removed, no timer cancelled: the asyncio loop is the parent's, too
  loop_.leave_parent();
}

int GuestLoop::traverse(visitproc visit, void* arg) const {
  Py_VISIT(asyncio_loop_.get());
  Py_VISIT(context_.get());
  Py_VISIT(soon_.get());
  Py_VISIT(timer_.get());
  return 0;
}

void GuestLoop::clear() noexcept {
  asyncio_loop_.reset();
  context_.reset();
  soon_.reset();
  timer_.reset();
}

}  // namespace fasterapi::aio
