"""fasterapi_asgi.server: the life of a server: start, serve, drain, stop.

The compiled :class:`fasterapi_asgi._core.HttpServer` does what happens per request; this does what
happens once. Nothing here ticks: every wait ends by an event, and ``should_exit`` and
``force_exit`` are events when they are set, from whatever thread or signal handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from fasterapi_asgi._access_log import choose_access_log
from fasterapi_asgi._http_server import close_http_server, new_http_server
from fasterapi_asgi._sockets import (
    Listener,
    admin_path,
    name_of,
    open_admin_sockets,
    open_sockets,
    running_message,
)
from fasterapi_asgi._state import ServerState
from fasterapi_asgi._wakeup import Wakeup
from fasterapi_asgi.config import Config
from fasterapi_asgi.errors import STARTUP_FAILURE, OptionError
from fasterapi_asgi.logging import style

if TYPE_CHECKING:
    from fasterapi_asgi._core import HttpServer
    from fasterapi_asgi.lifespan.off import LifespanOff
    from fasterapi_asgi.lifespan.on import LifespanOn

HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_SETTLE_S = 0.1  # what closes at once at the stop is not announced as being waited for; uvicorn's
_CANCEL_S = 1.0  # what a cancelled request may still take before its connection is cut
_TICK_S = 0.1  # for callback_notify and for a subclass with its own on_tick; uvicorn's

logger = logging.getLogger("uvicorn.error")


def _exit_code_of(error: OSError | OptionError) -> int:
    return error.exit_code if isinstance(error, OptionError) else STARTUP_FAILURE


class Server:
    """Serves one application on one event loop. Meant to be subclassed: every step is a method.

    Args:
        config: The options; loaded at the start unless it has been.

    Attributes:
        started: Whether connections are accepted, or have been.
        servers: What listens; each has ``sockets`` and ``close()``.
        server_state: ``connections``, ``tasks``, ``total_requests`` and ``default_headers`` as they
            are now.
        lifespan: The lifespan protocol's state; from the start on.
        last_notified: When ``callback_notify`` was last called, in seconds since the epoch.
    """

    lifespan: LifespanOn | LifespanOff

    def __init__(self, config: Config) -> None:
        self.config = config
        self.server_state = ServerState()
        self.servers: list[Listener] = []
        self.started = False
        self.last_notified = 0.0
        self._should_exit = False
        self._force_exit = False
        self._captured_signals: list[int] = []
        self._wakeup = Wakeup()
        self._core: HttpServer | None = None
        self._admin: Listener | None = None
        self._draining: asyncio.Lock | None = None

    @property
    def should_exit(self) -> bool:
        """Set it, from anywhere, to make the server stop when its requests are done."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        self._wakeup.wake()

    @property
    def force_exit(self) -> bool:
        """Set it besides ``should_exit``, from anywhere, to make the server stop at once."""
        return self._force_exit

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self._force_exit = value
        self._wakeup.wake()

    @functools.cached_property
    def limit_max_requests(self) -> int | None:
        """After how many responses the server stops, jitter included; None: never."""
        limit, jitter = self.config.limit_max_requests, self.config.limit_max_requests_jitter
        return None if limit is None else limit + random.randint(0, max(0, jitter))

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on a new event loop until the server is told to stop. Works in any thread.

        Args:
            sockets: Bound sockets to listen on instead of what the options name; they are closed at
                the end.

        Raises:
            KeyboardInterrupt: the server was stopped by Ctrl-C.
            SystemExit: it could not start (the reason is logged).
            OptionError: an option cannot be used.
        """
        with asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
            runner.run(self.serve(sockets=sockets))

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on the running loop, of whatever kind: as a guest on one that is not ours.

        Captured signals are raised again, for the handlers that were there before, when the server
        has stopped.

        Raises:
            SystemExit, OptionError: as :meth:`run`.
        """
        with self.capture_signals():
            await self._serve(sockets)

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._wakeup.bind()
        if not self.config.loaded:
            self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        self._log_process("Started server process [%d]")
        try:
            await self.startup(sockets=sockets)
            if self.started:
                await self.main_loop()
                await self.shutdown(sockets=sockets)
                self._log_process("Finished server process [%d]")
        finally:
            self._release()

    def _log_process(self, text: str) -> None:
        coloured = text.replace("%d", style("%d", fg="cyan"))
        logger.info(text, os.getpid(), extra={"color_message": coloured})

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application's lifespan, then listen. If both succeed, :attr:`started` is true.

        The address of ``admin_bind`` listens before.

        Raises:
            SystemExit: one of them failed (the reason is logged; the lifespan is shut down again).
        """
        self._wakeup.bind()
        self.started = False
        core = await self._make_core()
        if not await self._unless_forced(self.lifespan.startup()):
            return
        if self.lifespan.should_exit:
            self._release()
            sys.exit(STARTUP_FAILURE)
        try:
            self.servers = await self._listen(core, sockets)
        except (OSError, OptionError) as error:
            logger.error(error)
            await self._unless_forced(self.lifespan.shutdown())
            self._release()
            sys.exit(_exit_code_of(error))
        self._draining = asyncio.Lock()
        self.server_state.attach(core, self.config)
        choose_access_log(core, self.config.access_log)
        if sockets is None:
            self._log_started_message([sock for server in self.servers for sock in server.sockets])
        self.started = True

    async def _make_core(self) -> HttpServer:
        """Make the compiled server, with the address of ``admin_bind`` listening."""
        try:
            self._core = core = new_http_server(
                self.config, self.lifespan.state, self.limit_max_requests, self._wakeup.wake
            )
            if bind := self.config.admin_bind:
                choose_access_log(core, self.config.access_log)
                await self._listen_admin(core, bind)
        except (OSError, OptionError) as error:
            logger.error(error)
            self._release()
            sys.exit(_exit_code_of(error))
        return core

    async def _listen_admin(self, core: HttpServer, bind: str) -> None:
        opened = await open_admin_sockets(bind)
        with contextlib.ExitStack() as undo:
            for sock in opened:
                undo.callback(sock.close)
            uds = admin_path(bind)
            self._admin = Listener(core, opened, self.config.backlog, uds, admin=True)
            undo.pop_all()
        logger.info("Answering probes on %s", ", ".join(map(name_of, opened)))

    async def _listen(
        self, core: HttpServer, sockets: list[socket.socket] | None
    ) -> list[Listener]:
        backlog = self.config.backlog
        if sockets is not None:
            return [Listener(core, [sock], backlog) for sock in sockets]
        opened = await open_sockets(self.config)
        with contextlib.ExitStack() as undo:
            for sock in opened:
                undo.callback(sock.close)
            uds = self.config.uds if self.config.fd is None else None
            listener = Listener(core, opened, backlog, uds)
            undo.pop_all()
        return [listener]

    def _log_started_message(self, listeners: Sequence[socket.socket]) -> None:
        text, arguments, coloured = running_message(self.config, listeners[0])
        logger.info(text, *arguments, extra={"color_message": coloured} if coloured else None)

    async def main_loop(self) -> None:
        """Return when the server is to stop; sleeps until something happens."""
        self._wakeup.bind()
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await self._wakeup.wait(self._seconds_to_next_tick())

    def _seconds_to_next_tick(self) -> float | None:
        if type(self).on_tick is not Server.on_tick:
            return _TICK_S
        if self.config.callback_notify is None:
            return None
        return max(_TICK_S, self.last_notified + self.config.timeout_notify - time.time())

    async def on_tick(self, counter: int) -> bool:  # noqa: ARG002 (for subclasses)
        """Look after what is due and say whether to stop. Called whenever the main loop wakes.

        Args:
            counter: How often it was called before.
        """
        if (
            self.limit_max_requests is not None
            and self.server_state.total_requests >= self.limit_max_requests
        ):
            logger.info(
                "Maximum request limit of %d exceeded. Terminating process.",
                self.limit_max_requests,
            )
            return True
        now = time.time()
        if (
            self.config.callback_notify is not None
            and now - self.last_notified >= self.config.timeout_notify
        ):
            self.last_notified = now
            await self.config.callback_notify()
        return self.should_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let the requests finish, shut the lifespan down.

        Waits ``timeout_graceful_shutdown`` seconds for the requests, or for as long as it takes.
        Cancels them after that. Stops waiting when ``force_exit`` is set.
        """
        logger.info("Shutting down")
        self._wakeup.bind()
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        if self._draining is not None:
            async with self._draining:  # who calls it again meanwhile waits for the first
                await self._drain()
        if not self.force_exit:
            await self._unless_forced(self.lifespan.shutdown())

    async def _drain(self) -> None:
        core = self._core
        if core is None:
            return
        core.stop_listening()
        core.shutdown()
        if not self.force_exit:
            await asyncio.wait([core.wait_disconnected()], timeout=_SETTLE_S)
        try:
            await asyncio.wait_for(
                self._wait_tasks_to_complete(), self.config.timeout_graceful_shutdown
            )
        except TimeoutError:
            count = len(core.tasks)
            logger.error("Cancel %s running task(s), timeout graceful shutdown exceeded", count)
            await self._cancel_tasks(core, "Task cancelled, timeout graceful shutdown exceeded")
        if self.force_exit:
            core.abort()
            await self._cancel_tasks(core, "Task cancelled, exit forced")
        self._release()

    async def _cancel_tasks(self, core: HttpServer, reason: str) -> None:
        """Cancel the requests and give them, and their last bytes, a moment."""
        tasks = core.tasks
        for task in tasks:
            task.cancel(msg=reason)
        await asyncio.wait([*tasks, core.wait_disconnected()], timeout=_CANCEL_S)

    async def _wait_tasks_to_complete(self) -> None:
        core = self._core
        if core is None:
            return
        if core.connections and not self.force_exit:
            logger.info("Waiting for connections to close. (CTRL+C to force quit)")
            await self._future_unless_forced(core.wait_disconnected())
        if core.tasks and not self.force_exit:
            logger.info("Waiting for background tasks to complete. (CTRL+C to force quit)")
            await self._future_unless_forced(core.wait_tasks())

    async def _future_unless_forced(self, future: asyncio.Future[Any]) -> None:
        while not (future.done() or self.force_exit):
            await self._wakeup.until_done(future)

    async def _unless_forced(self, step: Coroutine[Any, Any, None]) -> bool:
        """Do a step of the lifespan and return true; give it up, false, when the exit is forced."""
        task = asyncio.ensure_future(step)
        await self._future_unless_forced(task)
        if task.done():
            task.result()
            return True
        task.cancel()
        return False

    def _release(self) -> None:
        """Let go of everything that is still open: nothing after a graceful stop."""
        for server in [*self.servers, *filter(None, [self._admin])]:
            server.close()
        core, self._core = self._core, None
        if core is not None:
            core.abort()
            self.server_state.detach()
            close_http_server(core)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM by :meth:`handle_exit`, and raise them again afterwards.

        Only the main thread can; in another one nothing happens.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        earlier = {sig: signal.signal(sig, self.handle_exit) for sig in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for sig, handler in earlier.items():
                signal.signal(sig, handler)
        while self._captured_signals:
            signal.raise_signal(self._captured_signals.pop())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (signal's)
        """Stop; stop at once if the same signal came before, or at a SIGINT during the stop."""
        if sig in self._captured_signals or (self.should_exit and sig == signal.SIGINT):
            self.force_exit = True
        self._captured_signals.append(sig)
        self.should_exit = True
