// aio/handle.hpp: what call_soon() and call_at() return: types of ours derived from asyncio.Handle
// and asyncio.TimerHandle. They keep asyncio's attributes in asyncio's own __slots__, so that
// everything inherited works on them; making, cancelling and freeing one runs no Python.
#pragma once

#include <array>
#include <vector>

#include "aio/slots.hpp"
#include "py/ref.hpp"
#include "py/state.hpp"

namespace fasterapi::aio {

// Where asyncio.Handle and asyncio.TimerHandle keep their attributes: their classes tell.
class HandleSlots {
 public:
  // False with the Python error set (a Python whose Handle has other slots).
  [[nodiscard]] bool find(const py::State& state);

  // REQUIRES: `handle` is an asyncio.Handle or of a subclass.
  [[nodiscard]] bool cancelled(PyObject* handle) const noexcept {
    return slot(handle, kCancelled) == Py_True;
  }
  [[nodiscard]] PyObject* callback(PyObject* handle) const noexcept {
    return slot(handle, kCallback);
  }
  [[nodiscard]] PyObject* args(PyObject* handle) const noexcept { return slot(handle, kArgs); }
  [[nodiscard]] PyObject* loop(PyObject* handle) const noexcept { return slot(handle, kLoop); }
  [[nodiscard]] PyObject* context(PyObject* handle) const noexcept {
    return slot(handle, kContext);
  }
  // Whether it holds what HandleTypes fill in; a handle of somebody else may hold anything.
  [[nodiscard]] bool is_regular(PyObject* handle) const noexcept {
    PyObject* arguments = args(handle);
    PyObject* entered = context(handle);
    return arguments && PyTuple_CheckExact(arguments) && entered && PyContext_CheckExact(entered);
  }
  // Forgets the innermost frame of where it was made. False with the Python error set.
  [[nodiscard]] bool drop_last_frame(PyObject* handle) const noexcept;
  // What asyncio.Handle.cancel() does. False with the Python error set.
  [[nodiscard]] bool cancel(PyObject* handle, bool debug) const noexcept;

  // REQUIRES: `handle` is an asyncio.TimerHandle or of a subclass.
  void set_scheduled(PyObject* handle, bool value) const noexcept {
    set(handle, kScheduled, value ? Py_True : Py_False);
  }
  [[nodiscard]] bool scheduled(PyObject* handle) const noexcept {
    return slot(handle, kScheduled) == Py_True;
  }

 private:
  friend class HandleTypes;

  enum Slot : std::size_t {
    kCallback,
    kArgs,
    kCancelled,
    kLoop,
    kSourceTraceback,
    kRepr,
    kContext,
    kOfHandle,  // how many an asyncio.Handle has
    kScheduled = kOfHandle,
    kWhen,
    kOfTimer
  };

  [[nodiscard]] PyObject*& slot(PyObject* handle, std::size_t which) const noexcept {
    return slot_at(handle, offsets_[which]);
  }
  void set(PyObject* handle, Slot which, PyObject* value) const noexcept {
    Py_XSETREF(slot(handle, which), Py_NewRef(value));
  }

  std::array<Py_ssize_t, kOfTimer> offsets_{};
};

// The two types, and the memory of dead handles for the next ones: it spares malloc, and the count
// of allocations by which CPython decides to look for garbage. One per module instance.
class HandleTypes {
 public:
  struct Parts {
    py::PyBorrowed callback;
    py::PyBorrowed args;  // a tuple
    py::PyBorrowed loop;
    py::PyBorrowed context;
    bool shares_context = false;  // it is a ContextSnapshot's: run() enters a copy
  };

  HandleTypes() = default;
  HandleTypes(const HandleTypes&) = delete;
  HandleTypes& operator=(const HandleTypes&) = delete;
  ~HandleTypes();

  // Makes the types and keeps this in `state`; false with the Python error set.
  [[nodiscard]] static bool add(PyObject* module, py::State& state);
  // REQUIRES: add() succeeded.
  [[nodiscard]] static HandleTypes& of(const py::State& state) noexcept {
    return *static_cast<HandleTypes*>(state.handle_types.get());
  }

  [[nodiscard]] const HandleSlots& slots() const noexcept { return slots_; }
  // Null with the Python error set.
  [[nodiscard]] py::PyRef make(const Parts& parts) noexcept;
  // A timer that counts as scheduled.
  [[nodiscard]] py::PyRef make_timer(double when, const Parts& parts) noexcept;
  // The context in which the callback of a handle that make() made runs.
  [[nodiscard]] py::PyRef context_to_enter(PyObject* handle) const noexcept {
    PyObject* context = slots_.context(handle);
    const bool shared = shares_context(handle) && Py_REFCNT(context) > 1;
    return shared ? py::PyRef::steal(PyContext_Copy(context)) : py::PyRef::borrow(context);
  }
  [[nodiscard]] bool made(PyObject* handle) const noexcept {
    return Py_IS_TYPE(handle, handle_type_) || Py_IS_TYPE(handle, timer_type_);
  }

 private:
  using FreeList = std::vector<PyObject*>;  // memory only: no references

  static int traverse(PyObject* self, visitproc visit, void* arg);
  static int clear(PyObject* self);
  static void dealloc(PyObject* self);
  static PyObject* cancel(PyObject* self, PyObject*) noexcept;
  static PyObject* get_context(PyObject* self, void*) noexcept;
  [[nodiscard]] static HandleTypes* of_handle(PyObject* self) noexcept;

  [[nodiscard]] PyTypeObject* make_type(PyObject* module, const char* name, const py::PyRef& base,
                                        py::PyRef& type);
  [[nodiscard]] py::PyRef make(PyTypeObject* type, FreeList& dead, const Parts& parts) noexcept;
  [[nodiscard]] bool keep(PyObject* dead) noexcept;
  // Kept behind what asyncio's class has.
  [[nodiscard]] bool& shares_context(PyObject* handle) const noexcept {
    const auto* base = Py_TYPE(handle)->tp_base;
    return *reinterpret_cast<bool*>(reinterpret_cast<char*>(handle) + base->tp_basicsize);
  }
  [[nodiscard]] std::size_t slot_count(PyObject* self) const noexcept {
    return Py_IS_TYPE(self, timer_type_) ? HandleSlots::kOfTimer : HandleSlots::kOfHandle;
  }

  HandleSlots slots_;
  PyTypeObject* handle_type_ = nullptr;  // borrowed from the state
  PyTypeObject* timer_type_ = nullptr;
  FreeList dead_handles_, dead_timers_;
};

}  // namespace fasterapi::aio
