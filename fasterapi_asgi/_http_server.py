"""fasterapi_asgi._http_server: makes the compiled server that a configuration describes."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fasterapi_asgi._asgi_options import core_asgi_options
from fasterapi_asgi._cache_fill import detach_cache, served_cache
from fasterapi_asgi._limits import LONGEST_S, core_limits
from fasterapi_asgi._probes import core_probes
from fasterapi_asgi._request import run_asgi
from fasterapi_asgi.errors import OptionError
from fasterapi_asgi.logging import TRACE_LOG_LEVEL
from fasterapi_asgi.middleware.proxy_headers import ProxyHeadersMiddleware, apply_forwarded
from fasterapi_asgi.native import core_routes

if TYPE_CHECKING:
    from fasterapi_asgi._core import GuestLoop, HttpServer, LoopCore
    from fasterapi_asgi.config import Config

_guests: weakref.WeakSet[GuestLoop] = weakref.WeakSet()  # those that are not collected yet


def _leave_parents_guests() -> None:
    # What a child closes of them would no longer be watched for the parent.
    for guest in list(_guests):
        guest._leave_parent()


os.register_at_fork(after_in_child=_leave_parents_guests)

_MOST = 2**63 - 1  # the core counts in 64 bits


def new_http_server(
    config: Config, state: dict[str, Any], limit_max_requests: int | None, wake: Callable[[], None]
) -> HttpServer:
    """Make the server of a loaded configuration on the running loop. It listens nowhere yet.

    A loop of somebody else gets a guest for it; :func:`close_http_server` takes both away.

    Args:
        config: Its application is given unwrapped when the outermost wrapper is our
            ProxyHeadersMiddleware: the core asks the same rules, only where they matter.
        state: The lifespan state.
        limit_max_requests: Responses after which ``wake`` is called; None or less than 1: never.
        wake: Called without arguments.

    Raises:
        OptionError: an option has a value that cannot be used.
    """
    from fasterapi_asgi._core import HttpServer

    app, options = _application_options(config)
    options |= _limit_options(config, limit_max_requests) | core_asgi_options(config)
    served = served_cache(config, app, state, options["extensions"])
    if served:
        options |= served.core_options()
    logger = logging.getLogger("uvicorn.error")
    host = host_of_the_running_loop()
    try:
        core = HttpServer(
            loop=host,
            app=app,
            run_asgi=run_asgi,
            logger=logger,
            trace=logger.isEnabledFor(TRACE_LOG_LEVEL),
            state=state,
            root_path=config.root_path,
            default_headers=config.encoded_headers,
            date_header=config.date_header,
            on_max_requests=wake,
            **options,
        )
        if served:
            served.attach(core)
        return core
    except BaseException as error:
        _close_guest(host)
        if isinstance(error, ValueError):
            raise OptionError(f"An option cannot be used: {error}") from error
        raise


def _application_options(config: Config) -> tuple[Any, dict[str, Any]]:
    app: Any = config.loaded_app
    options: dict[str, Any] = {"native": core_routes(config.native)}
    if type(app) is ProxyHeadersMiddleware:
        trusted, app = app.trusted_hosts, app.app
        options["is_trusted"] = trusted.__contains__
        options["apply_forwarded"] = functools.partial(apply_forwarded, trusted)
    return app, options


def _limit_options(config: Config, limit_max_requests: int | None) -> dict[str, Any]:
    if limit_max_requests is not None and limit_max_requests < 1:
        limit_max_requests = None
    return {
        "limit_concurrency": _between_0_and(_MOST, config.limit_concurrency),
        "limit_max_requests": _between_0_and(_MOST, limit_max_requests),
        "timeout_keep_alive": min(max(0, config.timeout_keep_alive), LONGEST_S),
        "limits": core_limits(config),
        "probes": core_probes(config),
        "admin": bool(config.admin_bind),
    }


def host_of_the_running_loop() -> LoopCore | GuestLoop:
    """Return the running loop, or a new guest in it if it is not ours."""
    from fasterapi_asgi._core import GuestLoop, LoopCore

    loop = asyncio.get_running_loop()
    if isinstance(loop, LoopCore):
        return loop
    guest = GuestLoop(loop)
    _guests.add(guest)
    return guest


def close_http_server(server: HttpServer) -> None:
    """Release a server and the guest that was made for it; the loop is as it was before."""
    detach_cache(server)
    server.close()
    _close_guest(server.loop)


def _close_guest(host: LoopCore | GuestLoop) -> None:
    from fasterapi_asgi._core import GuestLoop

    if isinstance(host, GuestLoop):
        host.close()


def _between_0_and(most: int, value: int | None) -> int | None:
    """Bring a number into the core's range, where it means the same."""
    return None if value is None else min(max(0, value), most)
