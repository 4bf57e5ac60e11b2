"""fasterapi_asgi._wakeup: lets a thread or a signal handler wake a coroutine."""

import asyncio
import contextlib
from typing import Any


class Wakeup:
    """Wakes whoever waits.

    Ask for the reason after :meth:`bind` and before each :meth:`wait`; then none is missed.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None

    def bind(self) -> None:
        """Belong to the running loop from now on."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._woken = asyncio.Event()
            self._loop = loop

    def wake(self) -> None:
        """Wake whoever waits, from any thread; nothing happens if nobody can be waiting."""
        if self._loop is not None and self._woken is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float | None = None) -> None:
        """Return when woken since the last wait, or after so many seconds."""
        assert self._woken is not None, "bind() comes first"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def until_done(self, future: asyncio.Future[Any]) -> None:
        """Return when woken, or as soon as the future is done; does not cancel it."""
        self.bind()
        assert self._woken is not None
        woken = self._woken

        def wake(_: asyncio.Future[Any]) -> None:
            woken.set()

        future.add_done_callback(wake)
        try:
            if not future.done():
                await self.wait()
        finally:
            future.remove_done_callback(wake)
