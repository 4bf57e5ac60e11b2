"""ctypes_handler.py: a handler in Python, for trying one out: fasterapi-asgi ctypes_handler:app

It is called with the GIL at the end of the loop's turn, without a task or a scope. In earnest,
write it in C or compile it by numba.
"""

import ctypes
from typing import Any

from fasterapi_asgi import native

HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
BODY_COPY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
QUERY = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t))

# Places in fa_api_v1, counted in pointers: the first holds abi and size.
PLACE_OF_QUERY, PLACE_OF_BODY_COPY = 4, 20
DONE, ERROR = 0, 3


def function(request: int, place: int, kind: Any) -> Any:
    """One of the functions that the request carries."""
    table = ctypes.cast(request, ctypes.POINTER(ctypes.c_void_p))[0]
    return kind(ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[place])


@HANDLER
def answer_query(request: int, _user: int | None) -> int:
    """Answer what stands behind the question mark."""
    try:
        size = ctypes.c_size_t()
        address = function(request, PLACE_OF_QUERY, QUERY)(request, ctypes.byref(size))
        text = b"you asked: " + ctypes.string_at(address, size.value)
        return function(request, PLACE_OF_BODY_COPY, BODY_COPY)(request, text, len(text))
    except Exception:  # ctypes would return anything
        return ERROR


native.route("GET", "/query", answer_query)


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer everything else."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"from the application"})
