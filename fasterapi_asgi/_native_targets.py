"""fasterapi_asgi._native_targets: from what a user names as a native handler to its address."""

from __future__ import annotations

import ctypes
import importlib
import os
from _ctypes import CFuncPtr
from typing import Any

from fasterapi_asgi.errors import OptionError
from fasterapi_asgi.native import ABI, CAPSULE, Route

_HOLDS_GIL = 1  # FA_HOLDS_GIL
_NO_TIMEOUT = 2**32 - 1  # FA_NO_TIMEOUT


class _CRoute(ctypes.Structure):
    """``fa_route``; a later header may add fields behind these."""

    _fields_ = (
        ("method", ctypes.c_char_p),
        ("path", ctypes.c_char_p),
        ("handler", ctypes.c_void_p),
        ("user", ctypes.c_void_p),
        ("max_body", ctypes.c_uint64),
        ("timeout_ms", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    )


class _CPlugin(ctypes.Structure):
    """``fa_plugin``."""

    _fields_ = (
        ("abi", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("route_size", ctypes.c_uint32),
        ("route_count", ctypes.c_uint32),
        ("routes", ctypes.c_void_p),
    )


def core_route(route: Route) -> tuple[Any, ...]:
    """Return one route as the core takes it.

    Raises:
        OptionError: its target or its user is nothing that has an address.
    """
    where = f"native {route.method} {route.path}"
    address, context, kept = _resolve(route.target, where)
    user = context if route.user is None else _address_of(route.user, f"{where}: user")
    gil = route.gil or ("held" if _may_be_python(route.target) else "released")
    alive = (kept, route.user)
    return (
        route.method,
        route.path,
        address,
        user,
        route.max_body,
        route.timeout,
        gil == "held",
        alive,
    )


def core_routes_of_library(path: str) -> list[tuple[Any, ...]]:
    """Return the routes that a library exports by ``FA_PLUGIN()``.

    Raises:
        OptionError: there is no such library, it exports none, or it was built for another ABI.
    """
    library = _load(path)
    plugin = _plugin_of(library, path)
    if plugin is None:
        raise OptionError(
            f"native {path!r} exports no fa_plugin_v1: build it with FA_PLUGIN(), or name a "
            "symbol: 'METHOD PATH=LIBRARY:SYMBOL'."
        )
    found = []
    for index in range(plugin.route_count):
        route = _CRoute.from_address(plugin.routes + index * plugin.route_size)
        timeout = None if route.timeout_ms == _NO_TIMEOUT else (route.timeout_ms or 30_000) / 1000
        if not (route.method and route.path and route.handler):
            raise OptionError(f"native {path!r}: route {index} lacks method, path or handler.")
        found.append(
            (
                route.method.decode("latin-1"),
                route.path.decode("latin-1"),
                route.handler,
                route.user or 0,
                min(route.max_body, 2**63 - 1),
                timeout,
                bool(route.flags & _HOLDS_GIL),
                library,
            )
        )
    return found


def _load(path: str) -> ctypes.CDLL:
    # Without a slash the loader would look everywhere but here.
    name = path if "/" in path else f"./{path}"
    try:
        return ctypes.CDLL(name, mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        raise OptionError(f"native {path!r} cannot be loaded: {error}") from error


def _plugin_of(library: ctypes.CDLL, path: str) -> _CPlugin | None:
    try:
        plugin = _CPlugin.in_dll(library, "fa_plugin_v1")
    except ValueError:
        return None
    if plugin.abi != ABI or plugin.route_size < ctypes.sizeof(_CRoute):
        raise OptionError(
            f"native {path!r} was built for ABI {plugin.abi} of fasterapi_native.h, this server "
            f"has {ABI}: build it again with the header of fasterapi_asgi.native.get_include()."
        )
    return plugin


def _resolve(target: Any, where: str) -> tuple[int, int, Any]:
    """Return the address, the user pointer that comes with it, and what keeps both alive."""
    if isinstance(target, str):
        return _resolve_symbol(target, where)
    if type(target).__name__ == "PyCapsule":
        return (*_resolve_capsule(target, where), target)
    return _address_of(target, where), 0, target


def _resolve_symbol(text: str, where: str) -> tuple[int, int, Any]:
    path, colon, symbol = text.rpartition(":")
    if not (colon and path and symbol):
        raise OptionError(f"{where}: {text!r} must be 'LIBRARY:SYMBOL'.")
    library = _load(path)
    _plugin_of(library, path)  # for its ABI, if it says which
    try:
        function = getattr(library, symbol)
    except AttributeError as error:
        raise OptionError(f"{where}: {path!r} has no symbol {symbol!r}.") from error
    return ctypes.cast(function, ctypes.c_void_p).value or 0, 0, library


def _resolve_capsule(capsule: Any, where: str) -> tuple[int, int]:
    python, name = ctypes.pythonapi, CAPSULE.encode()
    prototype = ctypes.PYFUNCTYPE
    is_valid = prototype(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_IsValid", python)
    )
    if not is_valid(capsule, name):
        raise OptionError(f"{where}: the capsule {capsule!r} is not named {CAPSULE!r}.")
    pointer = prototype(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", python)
    )
    context = prototype(ctypes.c_void_p, ctypes.py_object)(("PyCapsule_GetContext", python))
    return pointer(capsule, name), context(capsule) or 0


def _is_cffi(given: Any) -> bool:
    return type(given).__module__ == "_cffi_backend"


def _is_ctypes_pointer(given: Any) -> bool:
    return isinstance(given, (CFuncPtr, ctypes._Pointer, ctypes.c_void_p, ctypes.c_char_p))


def _may_be_python(target: Any) -> bool:
    return _is_cffi(target) or isinstance(target, CFuncPtr)


def _address_of(given: Any, where: str) -> int:
    if isinstance(given, int):
        return given
    if _is_ctypes_pointer(given):
        return ctypes.cast(given, ctypes.c_void_p).value or 0
    if isinstance(given, (ctypes.Structure, ctypes.Union, ctypes.Array)):
        return ctypes.addressof(given)
    if _is_cffi(given):
        ffi = importlib.import_module("_cffi_backend").FFI()
        return int(ffi.cast("uintptr_t", given))
    if isinstance(address := getattr(given, "address", None), int):  # numba.cfunc
        return address
    raise OptionError(
        f"{where}: {given!r} has no address: give 'LIBRARY:SYMBOL', a capsule, a pointer of ctypes "
        "or cffi, what numba.cfunc returns, or an address."
    )
