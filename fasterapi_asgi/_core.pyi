"""The compiled module. What happens once per request lives here; see docs/house.md."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from contextvars import Context
from logging import Logger
from typing import Any, TypeVar, TypeVarTuple, final

from typing_extensions import disjoint_base

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

def versions() -> dict[str, str]:
    """Versions of what is compiled in.

    Returns:
        ``{"libuv": "1.52.1", "llhttp": "9.4.3"}``.
    """

def live_objects() -> dict[str, int]:
    """Count the C++ objects alive now, by class name; empty unless this is a debug build.

    Returns:
        For example ``{"server::Connection": 0, "loop::TcpStream": 0}``.
    """

@disjoint_base
class LoopCore:
    """The loop body: libuv's poller, ready queue, timer heap, thread-safe wake-up.

    Stands first in the MRO of :class:`fasterapi_asgi.EventLoop`, before
    ``asyncio.SelectorEventLoop``. Its methods are those of :class:`asyncio.AbstractEventLoop`.
    """

    def call_soon(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.Handle: ...
    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.Handle: ...
    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle: ...
    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle: ...
    def create_task(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]: ...
    def create_future(self) -> asyncio.Future[Any]: ...
    def time(self) -> float: ...
    def get_debug(self) -> bool: ...
    def is_closed(self) -> bool: ...
    def is_running(self) -> bool: ...

class SocketTransportCore:
    """Reading and writing of asyncio's socket transport; see ``fasterapi_asgi._transports``."""

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Send what the socket takes, keep the rest; see :meth:`asyncio.WriteTransport.write`."""

@final
class GuestLoop:
    """Lets an :class:`HttpServer` serve in a running asyncio loop of somebody else.

    A private libuv loop, of which the other loop watches one descriptor. Belongs to the thread of
    that loop. To be closed in it when its servers are.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to be pumped by a loop.

        Args:
            loop: Has ``add_reader``, as asyncio's and uvloop's.

        Raises:
            OSError: no libuv loop can be made.
            NotImplementedError: the loop has no readers.
        """

    def pump(self) -> None:
        """Make a turn: poll, serve, send. What the loop calls when the descriptor is readable."""

    def close(self) -> None:
        """Leave the loop as it was before: no reader, no timer, no callback. Closes its servers."""

    def _leave_parent(self) -> None:
        """Say, in a child process after fork(), that the loop is the parent's: closed here."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that pumps."""

    @property
    def turns(self) -> int:
        """Turns made so far."""

@final
class RequestCycle:
    """One request as the application sees it (ASGI www.rst, "HTTP").

    Made by the server, never by a caller. Handed to the request coroutine so that it can say how
    the application ended.
    """

    def receive(self) -> Awaitable[dict[str, Any]]:
        """Return the next ``http.request`` or ``http.disconnect`` event (ASGI www.rst, "Receive").

        Waits when nothing is there; what is there is returned without a turn of the loop.
        """

    def send(self, message: Mapping[str, Any], /) -> Awaitable[None]:
        """Take ``http.response.start`` or ``http.response.body`` (ASGI www.rst, "Send").

        Acts at the call. Waits only while more than the high-water mark (64 KiB) is unsent. Silent
        after the peer has gone.

        Raises:
            RuntimeError: a message of the wrong type or order, more or fewer body bytes than
                content-length declared, an illegal header or status.
            TypeError, KeyError: a message of the wrong shape.
        """

    def returned(self, result: object, /) -> str | None:
        """Say that the application's coroutine returned ``result``.

        Returns:
            None if all is well, else the error to log: the response was then completed with 500 or
            aborted.
        """

    def failed(self) -> None:
        """Say that the application raised: 500 before the response began, else the close."""

@final
class HttpServer:
    """Accepts connections, speaks HTTP/1.1, runs the application: one loop, one thread.

    Its methods are for the loop's thread; another one gets a RuntimeError. The counts may be read
    by any.
    """

    def __init__(
        self,
        *,
        loop: LoopCore | GuestLoop,
        app: Callable[..., Any],
        run_asgi: Callable[..., Coroutine[Any, Any, None]],
        logger: Logger,
        state: dict[str, Any],
        root_path: str = "",
        default_headers: list[tuple[bytes, bytes]] = ...,
        date_header: bool = True,
        limit_concurrency: int | None = None,
        limit_max_requests: int | None = None,
        on_max_requests: Callable[[], None] | None = None,
        timeout_keep_alive: float = 5.0,
        limits: dict[str, int | None] | None = None,
        probes: dict[str, str] | None = None,
        admin: bool = False,
        is_trusted: Callable[[str], bool] | None = None,
        apply_forwarded: Callable[[dict[str, Any]], None] | None = None,
        spec_version: str = "2.3",
        disconnect_error: type[Exception] | None = None,
        extensions: tuple[str, ...] = ...,
        trace: bool = False,
        fill_cache: Callable[[int, bytes, bytes, str, bytes, list[tuple[bytes, bytes]]], None]
        | None = None,
        cache_bytes: int | None = None,
        cached_endpoints: dict[Any, Any] | None = None,
        learn: Callable[[bytes, dict[str, Any]], None] | None = None,
        native: tuple[tuple[Any, ...], ...] | None = None,
    ) -> None:
        """Make a server that listens nowhere yet.

        Args:
            loop: The running loop that serves, or a guest in it.
            app: An ASGI 3 application.
            run_asgi: ``async def run_asgi(app, scope, receive, send, cycle)``, the coroutine of
                each request's task.
            logger: Receives warnings about peers ("Invalid HTTP request received.", "Exceeded
                concurrency limit.").
            state: The lifespan state; each request gets a shallow copy.
            root_path: uvicorn's --root-path; prefixed to ``path`` and ``raw_path``.
            default_headers: Sent first in every response, after ``date`` and in this order
                (``server``, --header).
            date_header: Whether ``date`` is sent; refreshed once per second.
            limit_concurrency: Connections or tasks from which on a request is answered by 503;
                None: no limit.
            limit_max_requests: Responses after which on_max_requests is called, once; None: never.
            on_max_requests: Called on the loop without arguments.
            timeout_keep_alive: Seconds an idle keep-alive connection is kept, up to 1e9.
            limits: What else a peer may do, by the names of base::Limits (bytes, counts, and
                milliseconds where a name ends so); None for one: no limit. One that is missing has
                its default.
            probes: Paths that are answered in C++, before any other rule: ``health`` (the process
                lives), ``ready`` (it has listened, and the graceful stop has not begun) and
                ``metrics`` (what is counted from the start on, in Prometheus's text format).
            admin: Whether the probes are answered on the sockets of :meth:`listen_admin` only.
            is_trusted: Asked once per connection with the peer's host, "" on a Unix socket; None:
                no peer's forwarding headers are believed.
            apply_forwarded: Given the scope of a request of a trusted peer that has
                X-Forwarded-For or X-Forwarded-Proto.
            spec_version: Of ASGI's http protocol, as scopes name it.
            disconnect_error: What ``send()`` raises when the peer is gone; None: nothing.
            extensions: Names that scopes offer: ``http.response.early_hint``, ``.pathsend`` and
                ``.trailers``, and ``fasterapi.cache``. Without any, scopes have no such key.
            trace: Whether the logger is told of connections that come and go, at level 5.
            fill_cache: ``fill_cache(number, path, query, scheme, host, fields)``: make a response
                for the cache by a request that has nothing else, and give it to
                :meth:`cache_complete`, or say :meth:`cache_fail`. Path and query are as in the
                request line. None: there is no cache.
            cache_bytes: Memory for its responses and their keys; None: 16 MiB.
            cached_endpoints: Its keys are what scopes may name as ``endpoint``. An application that
                begins a response with one of them, or with something in its extension
                ``fasterapi.cache``, declares it.
            learn: ``learn(raw_path, scope)`` hears of such a declaration; None: nobody does.
            native: Handlers in C, asked before the application: ``(method, path, address, user,
                max_body, timeout, holds_gil, target)`` each, as fasterapi_asgi.native makes them.

        Raises:
            TypeError, ValueError: an argument of the wrong type or range.
            RuntimeError: the loop is closed.
        """

    def listen(self, fd: int, backlog: int) -> None:
        """Accept connections on a bound stream socket (TCP or Unix); works on a duplicate of fd.

        Raises:
            OSError: the socket cannot listen.
        """

    def cache_declare(
        self,
        path: bytes,
        *,
        vary: Iterable[str],
        query: Iterable[str],
        statuses: Iterable[int],
        fresh_ms: int | None,
        stale_ms: int,
        needs_lifetime: bool = False,
        learned: bool = False,
    ) -> None:
        """Answer requests of a path from the cache; RFC 9111 and docs/reference/cache.md.

        Args:
            path: As it stands in requests.
            vary: Lower-case names of request fields that belong to the key.
            query: Names of parameters that a query may have.
            statuses: Those that are stored.
            fresh_ms: How long a response holds; None: until it is invalidated.
            stale_ms: How much longer it is sent while it is made anew.
            needs_lifetime: Store only what names its lifetime in ``Cache-Control``.
            learned: A response has declared it: no change to what is declared already, and one of
                a bounded number.

        Raises:
            RuntimeError: the server was made without ``fill_cache``.
        """

    def cache_complete(
        self,
        number: int,
        status: int,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes,
        etag: bytes,
        /,
        *,
        fresh_ms: int | None = None,
        stale_ms: int | None = None,
        vary: Iterable[str] = (),
    ) -> str | None:
        """Give what a fill has brought. Requests that wait for it are answered.

        Args:
            number: As ``fill_cache`` was given it.
            status, headers, body: The response.
            etag: An entity tag, in quotes, for one that has none of its own.
            fresh_ms, stale_ms: What the application has declared of it, counted from the start of
                the fill; None, and what is longer than :meth:`cache_declare` said: what that said.
            vary: Lower-case names of fields that it depends on, too.

        Returns:
            Why it cannot be stored; None if it is, or if nobody wants it any more.
        """

    def cache_fail(self, number: int, /) -> None:
        """End a fill that has brought nothing: what waits goes on to the application."""

    def cache_invalidate(self, path: str | None = None, /) -> None:
        """Forget what is stored of a decoded path, or all. Any thread."""

    def listen_admin(self, fd: int, backlog: int) -> None:
        """Answer the probes on another bound stream socket; any other path there is 404.

        Its connections are not among :attr:`connections`, and neither :meth:`shutdown` nor
        :meth:`abort` ends them: :meth:`close` does.

        Raises:
            OSError: the socket cannot listen.
            RuntimeError: the server was made without ``admin``.
        """

    def stop_listening_admin(self) -> None:
        """Close every listener of :meth:`listen_admin`; connections go on."""

    def stop_listening(self) -> None:
        """Close every listener of :meth:`listen`; connections go on."""

    def shutdown(self) -> None:
        """Begin the graceful stop: idle connections close now, others after their response."""

    def abort(self) -> None:
        """Close every connection at once; running applications see ``http.disconnect``."""

    def wait_disconnected(self) -> asyncio.Future[None]:
        """Return a future that is done as soon as no connection is open."""

    def wait_tasks(self) -> asyncio.Future[None]:
        """Return a future that is done as soon as no request task is unfinished."""

    def set_access_log(
        self,
        record: Callable[[str, str, str, str, int], None] | None = None,
        *,
        write: Callable[[str], None] | None = None,
        prefix: str = "",
        request_style: tuple[str, str] = ("", ""),
        status_styles: list[tuple[str, str]] = ...,
    ) -> None:
        """Choose what happens to access records; without arguments: nothing.

        Args:
            record: Called per response with (client_addr, method, path_with_query, http_version,
                status), at the end of the turn in which it began.
            write: Called once per turn of the loop with all finished lines of the turn, each
                ``{prefix} {client_addr} - "{method} {path} HTTP/{version}" {status} {phrase}`` and
                a newline.
            prefix: The level prefix, styled.
            request_style: Put before and behind the request line, inside its quotes.
            status_styles: Five pairs put around status and phrase of 1xx, 2xx, 3xx, 4xx, 5xx.
        """

    @property
    def loop(self) -> LoopCore | GuestLoop:
        """What it was given as loop."""

    @property
    def connections(self) -> int:
        """Open connections."""

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The unfinished request tasks, a new set."""

    @property
    def total_requests(self) -> int:
        """Responses completed since the start."""

    def close(self) -> None:
        """Release listeners, connections and references; the server cannot be used afterwards."""
