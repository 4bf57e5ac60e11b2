// py/state.hpp: the state of one instance of the module: interned names, our types, what we
// imported. No Python object of ours is static: a second interpreter has a state of its own.
#pragma once

#include <memory>

#include "py/names.hpp"
#include "py/ref.hpp"

namespace fasterapi::py {

#define FASTERAPI_STATE_OBJECTS(X)                                                            \
  X(loop_core_type)                                                                           \
  X(own_handle_type) /* derived from asyncio.Handle */                                        \
  X(own_timer_type)  /* derived from asyncio.TimerHandle */                                   \
  X(guest_loop_type)                                                                          \
  X(ready_queue_type)                                                                         \
  X(socket_transport_core_type)                                                               \
  X(selector_loop_class)      /* asyncio.SelectorEventLoop */                                 \
  X(asyncios_create_task)     /* its create_task, unless somebody replaced it before us */    \
  X(transport_class)          /* what was derived from that, once it has been used */         \
  X(selector_transport_class) /* asyncio's _SelectorSocketTransport */                        \
  X(buffered_protocol_class)  /* asyncio.BufferedProtocol */                                  \
  X(cycle_type)                                                                               \
  X(awaitable_type)                                                                           \
  X(done_type)                                                                                \
  X(http_server_type)                                                                         \
  X(done)                    /* the awaitable that is always complete, with None */           \
  X(handle_class)            /* asyncio.Handle */                                             \
  X(timer_class)             /* asyncio.TimerHandle */                                        \
  X(threadsafe_handle_class) /* asyncio.events._ThreadSafeHandle, Python 3.14 and later, else \
                                asyncio.Handle */                                             \
  X(task_class)              /* asyncio.Task */                                               \
  X(tasks_namespace)         /* of asyncio.tasks, where create_task finds Task each time */   \
  X(future_class)            /* asyncio.Future */                                             \
  X(empty_bytes)             /* b"" */                                                        \
  X(no_args)                 /* () */                                                         \
  X(task_keywords)           /* keyword names of the call that makes a task */                \
  X(loop_keyword)            /* ("loop",) */                                                  \
  X(context_keyword)         /* ("context",) */                                               \
  X(request_task_name)

class StepCapture;

struct State {
  Names names;
#define X(name) PyRef name;
  FASTERAPI_STATE_OBJECTS(X)
#undef X
  StepCapture* step_capture = nullptr;    // while a task is made whose first step runs at once
  std::shared_ptr<void> transport_slots;  // aio's; holds no references
  std::shared_ptr<void> handle_types;     // aio's; holds no references

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;
};

// The state of the module that `module` is.
[[nodiscard]] inline State& state_of(PyObject* module) noexcept {
  return **static_cast<State**>(PyModule_GetState(module));
}

// The state of the module that defines `type` or one of its bases.
[[nodiscard]] State* state_of_type(PyTypeObject* type) noexcept;

// Set by the module's definition, for state_of_type().
extern PyModuleDef module_definition;

}  // namespace fasterapi::py
