// aio/socket_transport.hpp: the two hot methods of asyncio's socket transport, _read_ready() and
// write(). They stand in a class of their own before asyncio's in the MRO; everything else, debug
// mode included, is asyncio's. The state that both need is in __slots__ of the Python class that
// joins them. Needs the GIL.
#pragma once

#include "py/state.hpp"

namespace fasterapi::aio {

// Registers the type SocketTransportCore; false with the Python error set.
[[nodiscard]] bool add_socket_transport_type(PyObject* module, py::State& state);

}  // namespace fasterapi::aio
