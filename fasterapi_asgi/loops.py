"""The event loop: asyncio's own SelectorEventLoop with the C++ loop body in front.

What asyncio does in Python once per call of the user (transports, TLS, DNS, subprocesses, signals)
is inherited unchanged; what happens once per turn is :class:`fasterapi_asgi._core.LoopCore`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import selectors
import signal
import socket
import threading
import weakref
from asyncio import base_events, format_helpers, sslproto
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple

from fasterapi_asgi._core import LoopCore
from fasterapi_asgi._transports import DatagramTransport, SocketTransport

__all__ = ["EventLoop", "new_event_loop"]


_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_asyncio_futures: Any = asyncio.futures  # whose private conversion of exceptions is needed


class _KeysByFile(Mapping[Any, selectors.SelectorKey]):
    """What is watched, by descriptor or by what has one."""

    def __init__(self, watched: dict[int, tuple[Any, int, tuple[Any, Any]]]) -> None:
        self._watched = watched

    def __getitem__(self, file: Any) -> selectors.SelectorKey:
        fd = file if isinstance(file, int) else file.fileno()
        fileobj, events, handles = self._watched[fd]
        return selectors.SelectorKey(fileobj, fd, events, handles)

    def __len__(self) -> int:
        return len(self._watched)

    def __iter__(self) -> Iterator[int]:
        return iter(self._watched)


class _WatchedFiles(selectors.BaseSelector):
    """The descriptors that a loop watches, as the selector that asyncio's ``repr`` asks.

    They are registered by the loop's own methods.
    """

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return _KeysByFile(self._loop._watched_fds())

    def select(self, timeout: float | None = None) -> list[Any]:  # noqa: ARG002
        return []  # the loop itself looks

    def register(self, fileobj: Any, events: int, data: Any = None) -> NoReturn:
        raise NotImplementedError("use loop.add_reader() and loop.add_writer()")

    def unregister(self, fileobj: Any) -> NoReturn:
        raise NotImplementedError("use loop.remove_reader() and loop.remove_writer()")


class EventLoop(LoopCore, asyncio.SelectorEventLoop):
    """An asyncio event loop whose body is libuv."""

    if TYPE_CHECKING:  # of asyncio and of LoopCore, and private in both
        _csock: socket.socket
        _signal_handlers: dict[int, asyncio.Handle]
        _current_handle: asyncio.Handle | None
        _watched_fds: Callable[[], dict[int, tuple[Any, int, tuple[Any, Any]]]]
        _close_core: Callable[[], None]
        _leave_parent: Callable[[], None]
        _inherited: bool
        _check_closed: Callable[[], None]
        _check_running: Callable[[], None]
        _run_forever_cleanup: Callable[[], None]
        _ssock: socket.socket
        _read_from_self: Callable[[], None]
        _default_executor: concurrent.futures.Executor | None
        _check_default_executor: Callable[[], None]
        _check_thread: Callable[[], None]
        _check_callback: Callable[[Callable[..., Any], str], None]

    def __init__(self) -> None:
        super().__init__(_WatchedFiles(self))
        _loops.add(self)

    def _make_socket_transport(self, *args: Any, **options: Any) -> SocketTransport:
        return SocketTransport(self, *args, **options)

    def _make_datagram_transport(self, *args: Any, **options: Any) -> DatagramTransport:
        return DatagramTransport(self, *args, **options)

    def _make_ssl_transport(
        self,
        sock: socket.socket,
        *args: Any,
        extra: dict[str, Any] | None = None,
        server: asyncio.Server | None = None,
        **options: Any,
    ) -> Any:
        # As asyncio's, which names its own transport.
        tls: Any = sslproto.SSLProtocol(self, *args, **options)
        self._make_socket_transport(sock, tls, extra=extra, server=server)
        return tls._app_transport

    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Call in another thread; see :meth:`asyncio.loop.run_in_executor`."""
        threads = self._default_executor if executor is None else executor
        if threads is None or self.get_debug():
            return super().run_in_executor(executor, func, *args)
        self._check_closed()
        if executor is None:
            self._check_default_executor()
        work = threads.submit(func, *args)
        if type(work) is concurrent.futures.Future:
            return self._follow(work)
        return asyncio.wrap_future(work, loop=self)

    def _follow(self, work: concurrent.futures.Future[_T]) -> asyncio.Future[_T]:
        # asyncio.wrap_future() for this one case, without the questions which kind each future is:
        # a tenth of a round trip. None of these may lead from `work` back to itself: it never
        # forgets its callbacks.
        future: asyncio.Future[_T] = self.create_future()

        def cancel_work(_: object) -> None:
            if future.cancelled():
                work.cancel()

        def tell(work: concurrent.futures.Future[_T]) -> None:  # in the thread that did it
            if not self.is_closed():
                self.call_soon_threadsafe(take, work)

        def take(work: concurrent.futures.Future[_T]) -> None:
            if future.cancelled():
                return
            if work.cancelled():
                future.cancel()
            elif error := work.exception():
                future.set_exception(_asyncio_futures._convert_future_exc(error))
            else:
                future.set_result(work.result())

        future.add_done_callback(cancel_work)
        work.add_done_callback(tell)
        return future

    def run_forever(self) -> None:
        """Run until :meth:`stop` is called."""
        # asyncio checks this, too, but Python 3.13.0 then tears down what the outer run has set up.
        self._check_closed()
        self._check_running()
        with self._signals_wake_the_poll():
            try:
                super().run_forever()
            finally:
                # In Python 3.14 a while loop's jump back belongs to no try block: what a signal's
                # handler raises there passes asyncio's own finally by.
                if self.is_running():
                    self._run_forever_cleanup()

    @contextmanager
    def _signals_wake_the_poll(self) -> Iterator[None]:
        # libuv goes back to waiting after EINTR: without a byte in the self-pipe Ctrl-C would wait
        # for the next event.
        if threading.current_thread() is not threading.main_thread() or self.is_closed():
            yield
            return
        own = self._csock.fileno()
        try:
            before = signal.set_wakeup_fd(own, warn_on_full_buffer=False)
        except ValueError:  # a second interpreter: signals are for the first one's loop
            before = None
        try:
            yield
        finally:
            # asyncio's handlers need it further on: the next run hears of signals until then.
            if before is not None and not self._signal_handlers:
                with suppress(OSError, ValueError):  # closed meanwhile: then there is none
                    signal.set_wakeup_fd(-1)
                    signal.set_wakeup_fd(before if before != own else -1)

    def remove_signal_handler(self, sig: int) -> bool:
        """Remove a handler; see :meth:`asyncio.loop.remove_signal_handler`."""
        removed = super().remove_signal_handler(sig)
        # asyncio takes the wake-up fd away with the last handler, also from another loop that runs.
        running = asyncio._get_running_loop()
        if removed and isinstance(running, EventLoop):
            signal.set_wakeup_fd(running._csock.fileno(), warn_on_full_buffer=False)
        return removed

    def close(self) -> None:
        """Close the loop; see :meth:`asyncio.loop.close`."""
        if self._inherited:
            return
        super().close()
        self._close_core()

    def _close_in_child(self) -> None:
        # After fork() the child's epoll descriptors lead to what the parent polls. To close them is
        # harmless; to unregister anything, as close() does, would take it away from the parent.
        if self.is_closed():
            return
        self._leave_parent()
        for number in list(self._signal_handlers):
            super().remove_signal_handler(number)
        signal.set_wakeup_fd(-1)  # as asyncio does from Python 3.12 on
        self._ssock.close()
        self._csock.close()

    def _check_call(self, callback: Callable[..., Any], method: str) -> None:
        # Debug mode only: what BaseEventLoop's methods of this name check.
        if method != "call_soon_threadsafe":
            self._check_thread()
        self._check_callback(callback, method)

    def _run_handle_debug(self, handle: Any) -> None:
        # Foreign handles, and every handle in debug mode: BaseEventLoop._run_once()'s rule for slow
        # callbacks.
        if handle._cancelled:
            return
        self._current_handle = handle if self.get_debug() else None
        try:
            started = self.time()
            if handle._callback == self._read_from_self:
                self._read_from_self()  # what it raises leaves the run: see _callback_failed()
            else:
                handle._run()
            seconds = self.time() - started
            if self._current_handle and seconds >= self.slow_callback_duration:
                asyncio_module: Any = base_events
                name = asyncio_module._format_handle(handle)
                asyncio_module.logger.warning("Executing %s took %.3f seconds", name, seconds)
        finally:
            self._current_handle = None
            del handle  # the traceback of what the callback raised leads to this frame: no cycle

    def _callback_failed(self, handle: Any, error: BaseException) -> None:
        if handle._callback == self._read_from_self:
            raise error  # of a signal's Python handler that ran meanwhile: nobody else would hear
        # What asyncio.Handle._run() reports for a callback that raised.
        source = format_helpers._format_callback_source(handle._callback, handle._args)
        message = f"Exception in callback {source}"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})


_loops: weakref.WeakSet[EventLoop] = weakref.WeakSet()  # those that are not collected yet


def _close_parents_loops() -> None:
    for loop in list(_loops):
        loop._close_in_child()


os.register_at_fork(after_in_child=_close_parents_loops)


def new_event_loop() -> EventLoop:
    """Make an event loop: for ``asyncio.Runner(loop_factory=...)`` and uvicorn's ``--loop``."""
    return EventLoop()
