"""The application of the wire tests with native handlers in front: a C library, built by the test.

NATIVE_LIBRARY names it; without it there are no handlers, and the application answers alone.
"""

import ctypes
import os
from typing import Any

import wire_app

from fasterapi_asgi import native

HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
SET_STATUS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
SET_STATUS_PLACE = 8 + 17 * 8  # in fa_api_v1

app = wire_app.app


@HANDLER
def teapot(request: int, _user: int | None) -> int:
    """Python as a native handler: called with the GIL."""
    api = ctypes.cast(request, ctypes.POINTER(ctypes.c_void_p))[0] or 0
    set_status = ctypes.cast(api + SET_STATUS_PLACE, ctypes.POINTER(ctypes.c_void_p))[0]
    assert set_status
    return SET_STATUS(set_status)(request, 418)


def new_capsule(pointer: int, name: bytes) -> Any:
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        ("PyCapsule_New", ctypes.pythonapi)
    )
    return make(pointer, name, None)


if library := os.environ.get("NATIVE_LIBRARY"):
    loaded = ctypes.CDLL(library)
    hello = ctypes.cast(loaded.hello, ctypes.c_void_p).value or 0
    name = native.CAPSULE.encode()
    native.plugin(library)
    native.route("GET", "/by/symbol", f"{library}:hello")
    native.route("GET", "/by/address", hello)
    native.route("GET", "/by/ctypes", loaded.hello)
    native.route("GET", "/by/capsule", new_capsule(hello, name))
    native.route("GET", "/by/python", teapot)
    native.route("POST", "/held", loaded.echo, gil="held", max_body=100)
