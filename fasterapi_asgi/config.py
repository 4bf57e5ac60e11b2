"""fasterapi_asgi.config: every option of a server, under uvicorn's names, and what becomes of it.

A Config is plain, mutable and picklable. Objects for ``loop``, ``http`` and ``ws`` are taken as
they are; what cannot be used is refused by :meth:`Config.load` and :meth:`Config.get_loop_factory`.
"""

from __future__ import annotations

import inspect
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from fasterapi_asgi._log_config import (
    LOG_LEVELS,
    LOGGING_CONFIG,
    apply_log_config,
    numeric_log_level,
)
from fasterapi_asgi._options import refuse_what_is_not_built
from fasterapi_asgi._types import (
    ASGIApplication,
    LogConfig,
    NotifyCallback,
    SSLContextFactory,
    Strings,
    StrPath,
)
from fasterapi_asgi.errors import STARTUP_FAILURE, OptionError
from fasterapi_asgi.importer import ImportFromStringError, import_from_string
from fasterapi_asgi.lifespan.off import LifespanOff
from fasterapi_asgi.lifespan.on import LifespanOn
from fasterapi_asgi.logging import TRACE_LOG_LEVEL
from fasterapi_asgi.middleware.asgi2 import ASGI2Middleware
from fasterapi_asgi.middleware.message_logger import MessageLoggerMiddleware
from fasterapi_asgi.middleware.proxy_headers import ProxyHeadersMiddleware

if sys.version_info >= (3, 14):
    from inspect import iscoroutinefunction
else:
    from asyncio import iscoroutinefunction

if TYPE_CHECKING:
    import asyncio

    from fasterapi_asgi.native import Route

HTTPProtocolType = Literal["auto", "h11", "httptools", "zttp"]
WSProtocolType = Literal["auto", "none", "websockets", "websockets-sansio", "wsproto"]
LifespanType = Literal["auto", "on", "off"]
LoopFactoryType = Literal["none", "auto", "asyncio", "uvloop", "zuvloop"]
InterfaceType = Literal["auto", "asgi3", "asgi2", "wsgi"]

LIFESPAN: dict[str, type[LifespanOn] | type[LifespanOff]] = {
    "auto": LifespanOn,
    "on": LifespanOn,
    "off": LifespanOff,
}
INTERFACES: list[InterfaceType] = ["auto", "asgi3", "asgi2", "wsgi"]
LOOPS = {  # what makes the loop of each name; "none" leaves it to asyncio
    "auto": "fasterapi_asgi.loops:new_event_loop",
    "asyncio": "asyncio:SelectorEventLoop",
    "uvloop": "uvloop:new_event_loop",
    "zuvloop": "zuvloop:new_event_loop",
}

__all__ = ["LOGGING_CONFIG", "LOG_LEVELS", "Config"]

SSL_PROTOCOL_VERSION = 17  # ssl.PROTOCOL_TLS_SERVER
_NO_CERTIFICATE_WANTED = 0  # ssl.CERT_NONE

logger = logging.getLogger("uvicorn.error")


class Config:
    """The options of one server.

    Args:
        app: An ASGI application, or ``"module:attribute"``, or with ``factory`` what returns one.
        host, port: Where to listen; host None means every interface, port 0 a free port.
        uds, fd: A unix socket's path or an inherited socket's descriptor, instead of host and port.
        loop: ``auto`` (ours), ``none`` (what asyncio makes), ``asyncio``, ``uvloop``, ``zuvloop``,
            or ``"module:factory"`` of an event loop. Ours serves with the least CPU time.
        lifespan: ``auto``, ``on`` or ``off``: whether the application is told of start and stop.
        interface: ``auto``, ``asgi3`` or ``asgi2``.
        env_file: A file of environment variables for the application; needs python-dotenv.
        log_config: A dict, a ConfigParser, an open file or a path (.json, .yaml, .yml or ini);
            None: leave logging alone.
        log_level: A name or a number for the loggers ``uvicorn.error``, ``.access`` and ``.asgi``.
        access_log: Whether to log each response.
        use_colors: Overrides ``use_colors`` of a dict log_config, in place; None: leave it.
        proxy_headers, forwarded_allow_ips: Whether, and from whom, X-Forwarded-* is believed.
        server_header, date_header: Whether responses carry ``server`` and ``date``.
        headers: More headers for every response, ``[(name, value)]``.
        root_path: The prefix under which the application is mounted (ASGI www.rst, ``root_path``).
        limit_concurrency: Connections or tasks from which on requests are answered by 503.
        limit_max_requests, limit_max_requests_jitter: Responses after which the server stops, and a
            random addition.
        backlog: Connections the kernel holds until they are accepted.
        timeout_keep_alive: Seconds an idle connection is kept.
        timeout_graceful_shutdown: Seconds the stop waits for requests; None: as long as they take.
        timeout_first_byte: Seconds until a new connection's first byte. 0: no limit, as for all
            that follow.
        timeout_request_head: Seconds from a request's first byte until its head is complete.
        timeout_request_body: Seconds without a byte of a body that is wanted.
        timeout_write: Seconds in which the peer takes nothing of a response.
        min_data_rate: Bytes per second that a body comes with or a response is taken with, on
            average after 10 seconds.
        limit_request_target, limit_request_field, limit_request_head: Bytes of the request target,
            of one header field, of request line and fields together.
        limit_request_fields: Header fields of a request.
        limit_request_body: Bytes of a request's body; None: no limit.
        limit_requests_per_connection: Requests after which a connection closes; None: no limit.
        limit_connections: Connections open at once, others wait; None: the process's limit of open
            files less 64.
        limit_connections_per_address: Connections of one address, others are closed; None: no
            limit.
        asgi_spec: The version of ASGI's http protocol that scopes name: ``2.3``, uvicorn's, where
            ``send()`` to a peer that is gone is silent, or ``2.4``, where it raises
            :class:`fasterapi_asgi.errors.ClientDisconnected`.
        asgi_extensions: Names of extensions that scopes offer, or ``"all"``:
            ``http.response.early_hint``, ``http.response.pathsend``, ``http.response.trailers``,
            ``fasterapi.cache``.
        health_path, ready_path: Paths at which the server itself says that it lives, and whether
            requests are to be sent to it; None: there is no such path.
        metrics_path: A path at which it says what it counts, for Prometheus; None: it counts
            nothing.
        admin_bind: ``HOST:PORT`` or ``unix:PATH``, where these paths are answered in place of the
            main address, from before the application's start-up until the stop has waited for the
            requests.
        cache: Rules for responses that the server is to make once and keep, such as
            ``"GET /heartbeat"`` or ``"GET /flags max-age=60 stale=10 vary=accept query=lang
            status=200,404 opt-in"``. An application declares them by
            :func:`fasterapi_asgi.immutable`, too.
        cache_bytes: Memory for them, with their keys; 0: none is kept.
        native: Handlers in C, before those that :mod:`fasterapi_asgi.native` has registered: its
            ``Route`` objects, ``"METHOD PATH=LIBRARY:SYMBOL"``, or ``"LIBRARY"`` for all routes
            of a shared library.
        callback_notify, timeout_notify: A coroutine function to call every so many seconds.
        factory: ``app`` is to be called without arguments and returns the application.

    All others are uvicorn's and are refused by :meth:`load` unless they have their default value.

    Raises:
        OptionError: a file or an environment variable cannot be used.
    """

    app: Any
    host: str | None
    port: int
    uds: str | None
    fd: int | None
    loop: Any
    lifespan: LifespanType
    log_config: Any
    log_level: str | int | None
    access_log: bool
    use_colors: bool | None
    interface: InterfaceType
    reload: bool
    workers: int | None
    proxy_headers: bool
    server_header: bool
    date_header: bool
    forwarded_allow_ips: list[str] | str | None
    root_path: str
    limit_concurrency: int | None
    limit_max_requests: int | None
    limit_max_requests_jitter: int
    backlog: int
    timeout_keep_alive: int
    timeout_notify: int
    timeout_graceful_shutdown: int | None
    timeout_first_byte: float
    timeout_request_head: float
    timeout_request_body: float
    timeout_write: float
    min_data_rate: int
    limit_request_target: int
    limit_request_field: int
    limit_request_fields: int
    limit_request_head: int
    limit_request_body: int | None
    limit_requests_per_connection: int | None
    limit_connections: int | None
    limit_connections_per_address: int | None
    asgi_spec: str
    asgi_extensions: Sequence[str] | str | None
    health_path: str | None
    ready_path: str | None
    metrics_path: str | None
    admin_bind: str | None
    cache: Sequence[str] | str
    cache_bytes: int
    native: Sequence[Route | str] | None
    callback_notify: NotifyCallback | None
    ssl_keyfile: Any
    ssl_certfile: Any
    ssl_context_factory: Any
    headers: list[tuple[str, str]]
    factory: bool
    loaded_app: Any
    lifespan_class: Callable[[Config], LifespanOn | LifespanOff]

    # fmt: off
    def __init__(  # noqa: PLR0913, PLR0917 (uvicorn's signature)
        self,
        app: ASGIApplication | Callable[..., Any] | str,
        host: str = "127.0.0.1", port: int = 8000, uds: str | None = None, fd: int | None = None,
        loop: LoopFactoryType | str = "auto",
        http: type[asyncio.Protocol] | HTTPProtocolType | str = "auto", http2: bool = False,
        ws: type[asyncio.Protocol] | WSProtocolType | str = "auto",
        ws_max_size: int = 16777216, ws_max_queue: int = 32,
        ws_ping_interval: float | None = 20.0, ws_ping_timeout: float | None = 20.0,
        ws_per_message_deflate: bool = True,
        lifespan: LifespanType = "auto",
        env_file: StrPath | None = None,
        log_config: LogConfig = LOGGING_CONFIG,
        log_level: str | int | None = None, access_log: bool = True, use_colors: bool | None = None,
        interface: InterfaceType = "auto",
        reload: bool = False, reload_dirs: Strings = None, reload_delay: float = 0.25,
        reload_includes: Strings = None, reload_excludes: Strings = None,
        workers: int | None = None,
        proxy_headers: bool = True, server_header: bool = True, date_header: bool = True,
        forwarded_allow_ips: Strings = None, root_path: str = "",
        limit_concurrency: int | None = None, limit_max_requests: int | None = None,
        limit_max_requests_jitter: int = 0, backlog: int = 2048,
        timeout_keep_alive: int = 5, timeout_notify: int = 30,
        timeout_graceful_shutdown: int | None = None, timeout_worker_healthcheck: int = 5,
        callback_notify: NotifyCallback | None = None,
        ssl_keyfile: StrPath | None = None, ssl_certfile: StrPath | None = None,
        ssl_keyfile_password: str | None = None,
        ssl_version: int = SSL_PROTOCOL_VERSION,
        ssl_cert_reqs: int = _NO_CERTIFICATE_WANTED, ssl_ca_certs: StrPath | None = None,
        ssl_ciphers: str | None = None,
        ssl_context_factory: SSLContextFactory | None = None,
        headers: list[tuple[str, str]] | None = None,
        factory: bool = False,
        h11_max_incomplete_event_size: int | None = None, reset_contextvars: bool = False,
        *,  # uvicorn has none of these
        timeout_first_byte: float = 10.0, timeout_request_head: float = 10.0,
        timeout_request_body: float = 30.0, timeout_write: float = 30.0,
        min_data_rate: int = 240,
        limit_request_target: int = 8192, limit_request_field: int = 16384,
        limit_request_fields: int = 100, limit_request_head: int = 65536,
        limit_request_body: int | None = None, limit_requests_per_connection: int | None = None,
        limit_connections: int | None = None, limit_connections_per_address: int | None = None,
        asgi_spec: str = "2.3", asgi_extensions: Sequence[str] | str | None = None,
        health_path: str | None = None, ready_path: str | None = None,
        metrics_path: str | None = None, admin_bind: str | None = None,
        cache: Sequence[str] | str = (), cache_bytes: int = 16777216,
        native: Sequence[Route | str] | None = None,
    ) -> None:
        options = dict(locals())
        del options["self"], options["env_file"]
        vars(self).update(options)  # every other option is an attribute of the same name
        self.loaded = False
        self.encoded_headers: list[tuple[bytes, bytes]] = []
        self.headers = headers or []
        self.configure_logging()
        self._normalize_reload_options()
        if env_file is not None:
            self._load_env_file(env_file)
        self._read_environment()
    # fmt: on

    def _normalize_reload_options(self) -> None:
        """Make lists of what may be a string; nothing of it counts without ``reload``."""
        given = {
            name: vars(self)[name] for name in ("reload_dirs", "reload_includes", "reload_excludes")
        }
        if any(given.values()) and not self.should_reload:
            logger.warning(
                "Current configuration will not reload as not all conditions are met, "
                "please refer to documentation."
            )
        for name, value in given.items():
            values = [value] if isinstance(value, str) else list(value or [])
            vars(self)[name] = values if self.should_reload else []

    def _load_env_file(self, env_file: str | os.PathLike[str]) -> None:
        try:
            from dotenv import load_dotenv
        except ImportError as error:
            raise OptionError(
                "--env-file needs python-dotenv: pip install python-dotenv"
            ) from error
        logger.info("Loading environment from '%s'", env_file)
        try:
            load_dotenv(dotenv_path=env_file)
        except (OSError, UnicodeError) as error:
            raise OptionError(
                f"--env-file {os.fspath(env_file)!r} cannot be read: {error}"
            ) from error

    def _read_environment(self) -> None:
        """Let two variables fill in what was not given, after the env file had its say."""
        if self.workers is None and "WEB_CONCURRENCY" in os.environ:
            value = os.environ["WEB_CONCURRENCY"]
            try:
                self.workers = int(value)
            except ValueError as error:
                raise OptionError(
                    f"WEB_CONCURRENCY={value!r} is not a number of worker processes."
                ) from error
        self.workers = self.workers or 1
        if self.forwarded_allow_ips is None:
            self.forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

    @property
    def asgi_version(self) -> Literal["2.0", "3.0"]:
        """The version of ASGI that the application speaks; known once ``interface`` is not auto."""
        versions: dict[str, Literal["2.0", "3.0"]] = {"asgi2": "2.0", "asgi3": "3.0", "wsgi": "3.0"}
        return versions[self.interface]

    @property
    def is_ssl(self) -> bool:
        """Whether TLS is asked for."""
        return bool(self.ssl_keyfile or self.ssl_certfile or self.ssl_context_factory)

    @property
    def should_reload(self) -> bool:
        """Whether reloading is asked for and possible: the application is an import string."""
        return isinstance(self.app, str) and self.reload

    @property
    def use_subprocess(self) -> bool:
        """Whether the application is to run in a child process."""
        return bool(self.reload or (self.workers or 1) > 1)

    def configure_logging(self) -> None:
        """Set logging up as ``log_config``, ``log_level``, ``access_log`` and ``use_colors`` say.

        Raises:
            OptionError: the file cannot be used, or the level does not exist.
        """
        logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
        if self.log_config is not None:
            apply_log_config(self.log_config, self.use_colors)
        if self.log_level is not None:
            level = numeric_log_level(self.log_level)
            for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
                logging.getLogger(name).setLevel(level)
        if not self.access_log:
            logging.getLogger("uvicorn.access").handlers = []
            logging.getLogger("uvicorn.access").propagate = False

    def load(self) -> None:
        """Import the application, wrap it, and make everything else that the server needs.

        Raises:
            UnsupportedOption: something that is not built yet is asked for.
            OptionError: a header or the lifespan has an unusable value.
            SystemExit: the application cannot be found (exit code 3; the reason is logged).
        """
        assert not self.loaded
        refuse_what_is_not_built(self)
        self.encoded_headers = self._encode_headers()
        try:
            self.lifespan_class = LIFESPAN[self.lifespan]
        except KeyError:
            raise OptionError(
                f"lifespan {self.lifespan!r} does not exist: give auto, on or off."
            ) from None
        self.loaded_app = self.load_app()
        self._call_factory()
        self._wrap_app()
        self.loaded = True

    def _encode_headers(self) -> list[tuple[bytes, bytes]]:
        try:
            encoded = [
                (name.lower().encode("latin1"), value.encode("latin1"))
                for name, value in self.headers
            ]
        except (ValueError, TypeError, AttributeError) as error:
            raise OptionError(
                f"headers {self.headers!r} must be pairs of latin-1 text, (name, value)."
            ) from error
        if self.server_header and b"server" not in dict(encoded):
            encoded.insert(0, (b"server", b"uvicorn"))
        return encoded

    def load_app(self) -> Any:
        """Import the application and return it unwrapped.

        Raises:
            SystemExit: it cannot be found (exit code 3; the reason is logged).
        """
        try:
            return import_from_string(self.app)
        except ImportFromStringError as error:
            logger.error("Error loading ASGI app. %s", error)
            sys.exit(STARTUP_FAILURE)

    def _call_factory(self) -> None:
        """Replace a factory by its application; what can be called without arguments is one."""
        try:
            self.loaded_app = self.loaded_app()
        except TypeError as error:
            if self.factory:
                logger.error("Error loading ASGI app factory: %s", error)
                sys.exit(STARTUP_FAILURE)
        else:
            if not self.factory:
                logger.warning(
                    "ASGI app factory detected. Using it, "
                    "but please consider setting the --factory flag explicitly."
                )

    def _wrap_app(self) -> None:
        if self.interface == "auto":
            self.interface = "asgi3" if _takes_three_arguments(self.loaded_app) else "asgi2"
        if self.interface == "asgi2":
            self.loaded_app = ASGI2Middleware(self.loaded_app)
        if logger.getEffectiveLevel() <= TRACE_LOG_LEVEL:
            self.loaded_app = MessageLoggerMiddleware(self.loaded_app)
        if self.proxy_headers:
            self.loaded_app = ProxyHeadersMiddleware(
                self.loaded_app, trusted_hosts=self.forwarded_allow_ips or []
            )

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """Return what makes the event loop that ``loop`` names; None: whatever asyncio makes.

        Raises:
            OptionError: it names a loop whose package is not installed, or something that cannot
                be called.
            SystemExit: the import string leads nowhere (exit code 3; the reason is logged).
        """
        if self.loop == "none":
            return None
        known = isinstance(self.loop, str) and self.loop in LOOPS
        try:
            factory = import_from_string(LOOPS[self.loop] if known else self.loop)
        except ImportFromStringError as error:
            if known:
                raise OptionError(
                    f"--loop {self.loop} needs {self.loop}: pip install {self.loop}"
                ) from error
            logger.error("Error loading custom loop setup function. %s", error)
            sys.exit(STARTUP_FAILURE)
        if not callable(factory):
            raise OptionError(
                f"loop {self.loop!r} is not callable: name a function that makes an event loop, "
                "or leave it out."
            )
        return factory  # type: ignore[no-any-return]

    def bind_socket(self) -> socket.socket:
        """Bind the configured address, say where the server will run, return the socket.

        For who starts servers with ``Server.run(sockets=[...])``.

        Raises:
            SystemExit: it cannot be bound (exit code 3; the reason is logged).
        """
        from fasterapi_asgi._sockets import bind_for_handover, running_message

        try:
            sock = bind_for_handover(self)
        except (OSError, OptionError) as error:
            logger.error(error)
            sys.exit(STARTUP_FAILURE)
        text, arguments, coloured = running_message(self, sock)
        logger.info(text, *arguments, extra={"color_message": coloured} if coloured else None)
        return sock


def _takes_three_arguments(app: Any) -> bool:
    """Guess as uvicorn does: an application of ASGI 3 is a coroutine function."""
    if inspect.isclass(app):
        return hasattr(app, "__await__")
    if inspect.isfunction(app):
        return iscoroutinefunction(app)
    return iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004 (the method itself)
