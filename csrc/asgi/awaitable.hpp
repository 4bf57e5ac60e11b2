// asgi/awaitable.hpp: what receive() and send() return: it looks when it is awaited and completes
// at once if it can; otherwise it waits on a real asyncio.Future and looks again. A cancelled wait
// thus loses no message. A coroutine in the sense of collections.abc, so that
// create_task(receive()) and wait_for() take it.
#pragma once

#include "asgi/http_cycle.hpp"

namespace fasterapi::asgi {

[[nodiscard]] bool add_awaitable_types(PyObject* module, py::State& state);

// Completes with the next message. `cycle` is the Python object.
[[nodiscard]] py::PyRef await_message(py::State& state, py::PyBorrowed cycle);
// Completes with None when the unsent bytes are below the high-water mark.
[[nodiscard]] py::PyRef await_drain(py::State& state, py::PyBorrowed cycle);

}  // namespace fasterapi::asgi
