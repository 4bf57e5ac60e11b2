"""fasterapi_asgi.native: handlers in C, which answer requests before any Python runs.

Register them when the application is imported, or name them on the command line::

    from fasterapi_asgi import native

    native.route("GET", "/fast", "./libfast.so:handler")

A handler is a function of ``fasterapi_native.h``; :func:`get_include` says where that is.
docs/reference/native.md has the rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from fasterapi_asgi.errors import OptionError

__all__ = ["ABI", "CAPSULE", "Route", "get_include", "plugin", "route"]

ABI = 1
"""FA_ABI of fasterapi_native.h, as this server has it."""
CAPSULE = "fasterapi.handler.v1"
"""The name of a PyCapsule that holds a handler; its context, if it has one, is the user pointer."""

_DEFAULT_TIMEOUT_S = 30.0


@dataclasses.dataclass(frozen=True)
class Route:
    """Which requests a handler answers.

    Attributes:
        method: ``GET`` takes HEAD, too; ``*`` is any.
        path: ``/fast``, ``/items/{id}`` or ``/files/{rest:path}``; compared with the path as it
            stands in the request, undecoded.
        target: The handler: ``"library.so:symbol"``, a PyCapsule named :data:`CAPSULE`, a function
            pointer of ctypes or cffi, what ``numba.cfunc`` returns, or an address.
        user: Given to the handler: an address, a pointer of ctypes or cffi, or an object of ctypes.
        gil: ``released``: called while the loop polls, and must not touch Python. ``held``: called
            at the end of the loop's turn, with the GIL. None: held for ctypes and cffi, whose
            functions may be Python's.
        max_body: Bytes of a request's body, which is then read before the handler is called; more
            is answered by 413. 0: it is not read.
        timeout: Seconds until a deferred request is answered by 504; None: never.
    """

    method: str
    path: str
    target: Any
    user: Any = None
    gil: Literal["released", "held"] | None = None
    max_body: int = 0
    timeout: float | None = _DEFAULT_TIMEOUT_S

    def __post_init__(self) -> None:
        if self.gil not in {None, "released", "held"}:
            raise ValueError(f"gil must be 'released', 'held' or None, not {self.gil!r}")
        if not (self.method == "*" or (self.method.isascii() and self.method.isalpha())):
            raise ValueError(f"{self.method!r} is no method: give one such as 'GET', or '*'")


_registered: list[Route | str] = []
_served = False


def route(
    method: str,
    path: str,
    target: Any,
    *,
    user: Any = None,
    gil: Literal["released", "held"] | None = None,
    max_body: int = 0,
    timeout: float | None = _DEFAULT_TIMEOUT_S,
) -> Route:
    """Let a native handler answer requests of every server that this process starts.

    Args:
        method, path, target, user, gil, max_body, timeout: As of :class:`Route`.

    Returns:
        The route.

    Raises:
        RuntimeError: a server has started: routes are fixed from then on.
        ValueError: an argument has a value that cannot be used. What can be seen only when the
            handler is looked for, the server reports when it starts.
    """
    _refuse_if_served()
    made = Route(method.upper(), path, target, user, gil, max_body, timeout)
    _registered.append(made)
    return made


def plugin(path: str | Path) -> None:
    """Let all routes of a shared library that has ``FA_PLUGIN()`` answer requests.

    Raises:
        RuntimeError: a server has started.
    """
    _refuse_if_served()
    _registered.append(str(path))


def get_include() -> str:
    """Return the folder of ``fasterapi_native.h``, for a compiler's ``-I``."""
    return str(Path(__file__).parent / "include")


def _refuse_if_served() -> None:
    if _served:
        raise RuntimeError(
            "A server has started, so native routes are fixed: add them when the application is "
            "imported, or give them as native= of run() or Config."
        )


def core_routes(given: Sequence[Route | str] | None) -> tuple[tuple[Any, ...], ...]:
    """Return all routes, those of a configuration first, as the core's ``HttpServer`` takes them.

    From now on :func:`route` and :func:`plugin` are refused.

    Args:
        given: Routes; ``"METHOD PATH=LIBRARY:SYMBOL"``; or ``"LIBRARY"``, for all of its routes.

    Raises:
        OptionError: a library or a handler cannot be found or used.
    """
    global _served  # noqa: PLW0603 (of the process, as what is registered)
    _served = True
    wanted = [*(given or ()), *_registered]
    if not wanted:
        return ()
    from fasterapi_asgi import _native_targets

    found: list[tuple[Any, ...]] = []
    for one in wanted:
        if isinstance(one, Route):
            found.append(_native_targets.core_route(one))
        elif isinstance(one, str):
            found.extend(_of_text(one))
        else:
            raise OptionError(
                f"native {one!r} is neither a Route nor 'METHOD PATH=LIBRARY:SYMBOL'."
            )
    return tuple(found)


def _of_text(text: str) -> list[tuple[Any, ...]]:
    from fasterapi_asgi import _native_targets

    first, blank, rest = text.partition(" ")
    if not (blank and first.isupper()) and not text.startswith("* "):
        return _native_targets.core_routes_of_library(text)
    path, equals, target = rest.partition("=")
    if not equals:
        raise OptionError(f"native {text!r} must be 'METHOD PATH=LIBRARY:SYMBOL' or 'LIBRARY'.")
    try:
        made = Route(first, path, target)
    except ValueError as error:
        raise OptionError(f"native {text!r}: {error}") from error
    return [_native_targets.core_route(made)]
