// aio/handle.cpp: see handle.hpp.
#include "aio/handle.hpp"

#include <memory>

#include "aio/loop_core.hpp"

namespace fasterapi::aio {
namespace {

constexpr std::size_t kDeadHandlesKept = 1024;  // of each type: what a busy turn uses, some 130 KiB

}  // namespace

bool HandleSlots::find(const py::State& state) {
  static constexpr std::array<const char*, kOfTimer> names{
      "_callback", "_args",    "_cancelled", "_loop", "_source_traceback",
      "_repr",     "_context", "_scheduled", "_when"};
  for (std::size_t which = 0; which < kOfTimer; ++which) {
    const py::PyRef& type = which < kOfHandle ? state.handle_class : state.timer_class;
    offsets_[which] = find_slot(type.get(), names[which]);
    if (offsets_[which] < 0) return false;
  }
  return true;
}

bool HandleSlots::drop_last_frame(PyObject* handle) const noexcept {
  PyObject* frames = slot(handle, kSourceTraceback);
  if (!frames || !PyList_Check(frames) || PyList_GET_SIZE(frames) == 0) return true;
  const Py_ssize_t last = PyList_GET_SIZE(frames) - 1;
  return PyList_SetSlice(frames, last, last + 1, nullptr) == 0;
}

bool HandleSlots::cancel(PyObject* handle, bool debug) const noexcept {
  if (cancelled(handle)) return true;
  set(handle, kCancelled, Py_True);
  if (debug) {  // what it was shall be seen later, too
    const auto text = py::PyRef::steal(PyObject_Repr(handle));
    if (!text) return false;
    set(handle, kRepr, text.get());
  }
  set(handle, kCallback, Py_None);
  set(handle, kArgs, Py_None);
  return true;
}

HandleTypes::~HandleTypes() {
  for (FreeList* dead : {&dead_handles_, &dead_timers_}) {
    for (PyObject* memory : *dead) PyObject_GC_Del(memory);
  }
}

bool HandleTypes::add(PyObject* module, py::State& state) {
  auto types = std::make_shared<HandleTypes>();
  if (!types->slots_.find(state)) return false;
  types->handle_type_ = types->make_type(module, "fasterapi_asgi._core.Handle", state.handle_class,
                                         state.own_handle_type);
  types->timer_type_ = types->make_type(module, "fasterapi_asgi._core.TimerHandle",
                                        state.timer_class, state.own_timer_type);
  const bool made = types->handle_type_ && types->timer_type_;
  types->dead_handles_.reserve(kDeadHandlesKept);
  types->dead_timers_.reserve(kDeadHandlesKept);
  state.handle_types = std::move(types);
  return made;
}

PyTypeObject* HandleTypes::make_type(PyObject* module, const char* name, const py::PyRef& base,
                                     py::PyRef& type) {
  static PyMethodDef methods[] = {{"cancel", cancel, METH_NOARGS, "Cancel the callback."}, {}};
  // A context that leaves the handle is its own: whoever asked may set variables in it.
  static PyGetSetDef attributes[] = {{"_context", get_context, nullptr, nullptr, nullptr}, {}};
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, attributes},
                         {0, nullptr}};
  const auto size = reinterpret_cast<PyTypeObject*>(base.get())->tp_basicsize + sizeof(void*);
  PyType_Spec spec = {name, static_cast<int>(size), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      slots};
  type = py::PyRef::steal(PyType_FromModuleAndSpec(module, &spec, base.get()));
  return reinterpret_cast<PyTypeObject*>(type.get());
}

py::PyRef HandleTypes::make(PyTypeObject* type, FreeList& dead, const Parts& parts) noexcept {
  const bool recycled = !dead.empty();
  PyObject* handle = nullptr;
  if (recycled) {
    handle = PyObject_Init(dead.back(), type);
    dead.pop_back();
  } else {
    handle = type->tp_alloc(type, 0);
    if (!handle) return {};
  }
  slots_.slot(handle, HandleSlots::kCallback) = Py_NewRef(parts.callback);
  slots_.slot(handle, HandleSlots::kArgs) = Py_NewRef(parts.args);
  slots_.slot(handle, HandleSlots::kCancelled) = Py_NewRef(Py_False);
  slots_.slot(handle, HandleSlots::kLoop) = Py_NewRef(parts.loop);
  slots_.slot(handle, HandleSlots::kSourceTraceback) = Py_NewRef(Py_None);
  slots_.slot(handle, HandleSlots::kRepr) = Py_NewRef(Py_None);
  slots_.slot(handle, HandleSlots::kContext) = Py_NewRef(parts.context);
  shares_context(handle) = parts.shares_context;
  if (recycled) PyObject_GC_Track(handle);
  return py::PyRef::steal(handle);
}

py::PyRef HandleTypes::make(const Parts& parts) noexcept {
  return make(handle_type_, dead_handles_, parts);
}

py::PyRef HandleTypes::make_timer(double when, const Parts& parts) noexcept {
  PyObject* time = PyFloat_FromDouble(when);
  if (!time) return {};
  py::PyRef timer = make(timer_type_, dead_timers_, parts);
  if (!timer) return Py_DECREF(time), py::PyRef();
  slots_.slot(timer.get(), HandleSlots::kWhen) = time;
  slots_.slot(timer.get(), HandleSlots::kScheduled) = Py_NewRef(Py_True);
  return timer;
}

// Null when the garbage collector has cleared the type or the module: the interpreter ends.
HandleTypes* HandleTypes::of_handle(PyObject* self) noexcept {
  PyObject* module = reinterpret_cast<PyHeapTypeObject*>(Py_TYPE(self))->ht_module;
  const py::State* state = module ? *static_cast<py::State**>(PyModule_GetState(module)) : nullptr;
  return state ? static_cast<HandleTypes*>(state->handle_types.get()) : nullptr;
}

int HandleTypes::traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const HandleTypes* types = of_handle(self);
  const std::size_t count = types ? types->slot_count(self) : 0;
  for (std::size_t which = 0; which < count; ++which) Py_VISIT(types->slots_.slot(self, which));
  return 0;
}

int HandleTypes::clear(PyObject* self) {
  const HandleTypes* types = of_handle(self);
  const std::size_t count = types ? types->slot_count(self) : 0;
  for (std::size_t which = 0; which < count; ++which) Py_CLEAR(types->slots_.slot(self, which));
  return 0;
}

void HandleTypes::dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  PyObject_ClearWeakRefs(self);
  clear(self);
  HandleTypes* types = of_handle(self);
  if (!types || !types->keep(self)) type->tp_free(self);
  Py_DECREF(type);
}

bool HandleTypes::keep(PyObject* dead) noexcept {
  FreeList& list = Py_IS_TYPE(dead, timer_type_) ? dead_timers_ : dead_handles_;
  if (list.size() == kDeadHandlesKept) return false;
  list.push_back(dead);  // reserved
  return true;
}

PyObject* HandleTypes::cancel(PyObject* self, PyObject*) noexcept {
  HandleTypes* types = of_handle(self);
  if (!types) Py_RETURN_NONE;
  LoopCore* core = loop_core_or_null(types->slots_.loop(self), *py::state_of_type(Py_TYPE(self)));
  const bool is_timer = Py_IS_TYPE(self, types->timer_type_);
  if (core && is_timer && !types->slots_.cancelled(self)) core->timer_cancelled(self);
  if (!types->slots_.cancel(self, core && core->debug)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* HandleTypes::get_context(PyObject* self, void*) noexcept {
  HandleTypes* types = of_handle(self);
  PyObject* context = types ? types->slots_.context(self) : Py_None;
  if (types && context && types->shares_context(self)) {
    PyObject* own = PyContext_Copy(context);
    if (!own) return nullptr;
    types->slots_.set(self, HandleSlots::kContext, own);
    types->shares_context(self) = false;
    return own;
  }
  return Py_NewRef(context ? context : Py_None);
}

}  // namespace fasterapi::aio
