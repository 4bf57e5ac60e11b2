"""The event loop: asyncio's own SelectorEventLoop with the C++ loop body in front.

What asyncio does in Python once per call of the user (transports, TLS, DNS, subprocesses, signals)
is inherited unchanged; what happens once per turn is :class:`fasterapi_asgi._core.LoopCore`.
"""

from __future__ import annotations

import asyncio
import selectors
import signal
import socket
import threading
from asyncio import base_events, format_helpers
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from fasterapi_asgi._core import LoopCore

__all__ = ["EventLoop", "new_event_loop"]


class EventLoop(LoopCore, asyncio.SelectorEventLoop):
    """An asyncio event loop whose body is libuv.

    Args:
        selector: Serves asyncio's own transports; ``selectors.DefaultSelector()`` if None.

    Raises:
        TypeError: the selector has no file descriptor to watch (``select`` and ``poll`` have none).
    """

    if TYPE_CHECKING:  # of asyncio and of LoopCore, and private in both
        _selector: selectors.BaseSelector
        _csock: socket.socket
        _signal_handlers: dict[int, asyncio.Handle]
        _current_handle: asyncio.Handle | None
        _watch_selector: Callable[[int], None]
        _unwatch_selector: Callable[[], None]
        _close_core: Callable[[], None]
        _check_thread: Callable[[], None]
        _check_callback: Callable[[Callable[..., Any], str], None]

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        fileno = getattr(self._selector, "fileno", None)
        if fileno is None:
            self.close()
            raise TypeError("the selector has no fileno(): use selectors.EpollSelector")
        self._watch_selector(fileno())

    def run_forever(self) -> None:
        """Run until :meth:`stop` is called."""
        with self._signals_wake_the_poll():
            super().run_forever()

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
        # asyncio takes the wake-up fd away with the last handler.
        if removed and asyncio._get_running_loop() is self:
            signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)
        return removed

    def close(self) -> None:
        """Close the loop; see :meth:`asyncio.loop.close`."""
        if not self.is_running():
            self._unwatch_selector()  # libuv must not watch an fd that asyncio has closed
        super().close()
        self._close_core()

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
        # What asyncio.Handle._run() reports for a callback that raised.
        source = format_helpers._format_callback_source(handle._callback, handle._args)
        message = f"Exception in callback {source}"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})


def new_event_loop() -> EventLoop:
    """Make an event loop: for ``asyncio.Runner(loop_factory=...)`` and uvicorn's ``--loop``."""
    return EventLoop()
