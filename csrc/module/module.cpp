// module/module.cpp: PyInit__core: module state and type registration, nothing else.
#include <llhttp.h>
#include <uv.h>

#include <memory>
#include <string>

#include "aio/guest_loop.hpp"
#include "aio/handle.hpp"
#include "aio/loop_core.hpp"
#include "aio/socket_transport.hpp"
#include "asgi/awaitable.hpp"
#include "asgi/http_cycle.hpp"
#include "base/counters.hpp"
#include "module/http_server.hpp"
#include "py/state.hpp"

namespace fasterapi::module {
namespace {

using py::PyRef;
using py::State;

PyObject* versions(PyObject*, PyObject*) noexcept {
  const std::string llhttp = std::to_string(LLHTTP_VERSION_MAJOR) + "." +
                             std::to_string(LLHTTP_VERSION_MINOR) + "." +
                             std::to_string(LLHTTP_VERSION_PATCH);
  return Py_BuildValue("{ssss}", "libuv", uv_version_string(), "llhttp", llhttp.c_str());
}

PyObject* live_objects(PyObject*, PyObject*) noexcept {
  PyRef counts = PyRef::steal(PyDict_New());
  for (const auto& [name, count] : base::live_counts()) {
    const auto number = PyRef::steal(PyLong_FromSize_t(count));
    if (!counts || !number || PyDict_SetItemString(counts.get(), name.c_str(), number.get()) < 0)
      return nullptr;
  }
  return counts.release();
}

// One name of one module.
bool import_name(PyRef& to, const char* module_name, const char* name) {
  const auto module = PyRef::steal(PyImport_ImportModule(module_name));
  if (module) to = PyRef::steal(PyObject_GetAttrString(module.get(), name));
  return static_cast<bool>(to);
}

// One that somebody replaced does not belong to asyncio's module; the state keeps none then.
bool find_create_task(State& state) {
  PyRef found = PyRef::steal(
      PyObject_GetAttr(state.selector_loop_class.get(), state.names.create_task.get()));
  const auto module = PyRef::steal(PyImport_ImportModule("asyncio.base_events"));
  if (!found || !module) return false;
  const bool asyncios = PyFunction_Check(found.get()) &&
                        PyFunction_GET_GLOBALS(found.get()) == PyModule_GetDict(module.get());
  if (asyncios) state.asyncios_create_task = std::move(found);
  return true;
}

bool import_asyncio(State& state) {
  return import_name(state.handle_class, "asyncio", "Handle") &&
         import_name(state.timer_class, "asyncio", "TimerHandle") &&
         import_name(state.task_class, "asyncio", "Task") &&
         import_name(state.tasks_namespace, "asyncio.tasks", "__dict__") &&
         import_name(state.future_class, "asyncio", "Future") &&
         import_name(state.selector_loop_class, "asyncio", "SelectorEventLoop") &&
         find_create_task(state) &&
         import_name(state.buffered_protocol_class, "asyncio", "BufferedProtocol") &&
         import_name(state.selector_transport_class, "asyncio.selector_events",
                     "_SelectorSocketTransport") &&
#if PY_VERSION_HEX >= 0x030E0000
         import_name(state.threadsafe_handle_class, "asyncio.events", "_ThreadSafeHandle");
#else
         import_name(state.threadsafe_handle_class, "asyncio", "Handle");
#endif
}

bool make_constants(State& state) {
  state.empty_bytes = PyRef::steal(PyBytes_FromStringAndSize(nullptr, 0));
  state.no_args = PyRef::steal(PyTuple_New(0));
  state.loop_keyword = PyRef::steal(Py_BuildValue("(O)", state.names.loop.get()));
  state.context_keyword = PyRef::steal(Py_BuildValue("(O)", state.names.context.get()));
#if PY_VERSION_HEX >= 0x030C0000
  PyObject* last = state.names.eager_start.get();
#else
  PyObject* last = state.names.name.get();
#endif
  state.task_keywords =
      PyRef::steal(Py_BuildValue("(OOO)", state.names.loop.get(), state.names.context.get(), last));
  // One name for all request tasks: Python 3.11 would format "Task-N" for each, 150 ns that nobody
  // asked for.
  state.request_task_name = PyRef::steal(PyUnicode_InternFromString("fasterapi-asgi request"));
  return state.empty_bytes && state.no_args && state.loop_keyword && state.context_keyword &&
         state.task_keywords && state.request_task_name;
}

int exec(PyObject* module) noexcept {
  auto owned = std::make_unique<State>();
  State& state = *owned;
  *static_cast<State**>(PyModule_GetState(module)) = owned.release();
  const bool made =
      state.names.intern() && import_asyncio(state) && make_constants(state) &&
      aio::HandleTypes::add(module, state) && aio::add_loop_core_type(module, state) &&
      aio::add_socket_transport_type(module, state) && aio::add_guest_loop_type(module, state) &&
      asgi::add_cycle_type(module, state) && asgi::add_awaitable_types(module, state) &&
      add_http_server_type(module, state);
  return made ? 0 : -1;
}

int traverse(PyObject* module, visitproc visit, void* arg) {
  const auto* state = *static_cast<State**>(PyModule_GetState(module));
  return state ? state->traverse(visit, arg) : 0;
}

int clear(PyObject* module) {
  if (auto* state = *static_cast<State**>(PyModule_GetState(module))) state->clear();
  return 0;
}

void free_state(void* module) {
  delete std::exchange(*static_cast<State**>(PyModule_GetState(static_cast<PyObject*>(module))),
                       nullptr);
}

PyMethodDef functions[] = {
    {"versions", versions, METH_NOARGS, "versions()\n--\n\nVersions of what is compiled in."},
    {"live_objects", live_objects, METH_NOARGS,
     "live_objects()\n--\n\nCount the C++ objects alive now, by class."},
    {}};

PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(exec)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED},
#endif
    {0, nullptr}};

}  // namespace
}  // namespace fasterapi::module

namespace fasterapi::py {
PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, "fasterapi_asgi._core", "What happens once per request.",
    sizeof(State*),        module::functions,      module::module_slots,
    module::traverse,      module::clear,          module::free_state};
}

PyMODINIT_FUNC PyInit__core() { return PyModuleDef_Init(&fasterapi::py::module_definition); }
