// aio/create_task.hpp: loop.create_task() without asyncio's Python frame, as long as nobody but
// asyncio has a say in how tasks are made.
#pragma once

#include "aio/loop_core.hpp"

namespace fasterapi::aio {

// Arguments as of a vectorcall without self: a coroutine, name=, context=. Null with the Python
// error set.
[[nodiscard]] PyObject* create_task(LoopCore& core, PyObject* const* args, Py_ssize_t count,
                                    PyObject* names);

}  // namespace fasterapi::aio
