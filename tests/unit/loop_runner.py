"""Runs coroutines on our loop, with a deadline, and looks whether they left anything behind."""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fasterapi_asgi
from fasterapi_asgi._core import live_objects
from fasterapi_asgi.loops import EventLoop, new_event_loop

DEADLINE = 20  # seconds; nothing here takes a tenth of it unless it is broken

new_event_loop().close()  # libuv keeps two fds for the process from its first loop on


def open_fds() -> set[str]:
    return {fd.name for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}


# What lives as long as Python objects that tests hold: in variables, in logged tracebacks.
HELD = (
    "aio::LoopCore",
    "aio::GuestLoop",
    "loop::Loop",
    "asgi::Application",
    "server::Server",
    "asgi::HttpCycle",
)


served_on: Callable[[], asyncio.AbstractEventLoop] = new_event_loop


@contextmanager
def nothing_left(besides: tuple[str, ...] = HELD) -> Iterator[None]:
    """Check that the body leaves no fd open and, in a debug build, no C++ object alive."""
    gc.collect()
    fds, before = open_fds(), live_objects()
    yield
    gc.collect()
    grown = {
        name: (before.get(name, 0), count)
        for name, count in live_objects().items()
        if count > before.get(name, 0) and not name.endswith(besides)
    }
    assert not grown, grown
    opened = open_fds() - fds
    assert not opened, opened


def run(
    main: Callable[[], Awaitable[Any]],
    *,
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    debug: bool | None = None,
    besides: tuple[str, ...] = HELD,
) -> Any:
    """Return what ``main()`` returns; on `served_on` unless another factory is given."""

    async def bounded() -> Any:
        async with asyncio.timeout(DEADLINE):
            return await main()

    factory = factory or served_on
    with nothing_left(besides), asyncio.Runner(loop_factory=factory, debug=debug) as runner:
        return runner.run(bounded())


@contextmanager
def a_loop() -> Iterator[EventLoop]:
    """A loop for what is told by callbacks alone; a turn that never ends is cut by pytest."""
    with nothing_left():
        loop = new_event_loop()
        try:
            yield loop
        finally:
            loop.close()


def turn(loop: EventLoop, count: int = 1) -> None:
    """Let the loop make so many turns."""
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


def collect_errors(loop: asyncio.AbstractEventLoop) -> list[dict[str, Any]]:
    """Gather what the loop would log as an error."""
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: errors.append(context))
    return errors


def environment() -> dict[str, str]:
    """For a process that is to import the same package as this one."""
    package = str(Path(fasterapi_asgi.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": package, "PYTHONFAULTHANDLER": "1"}


def python(code: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of its own; both streams end up in stdout."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE * 2,
    )


def must_print(code: str, expected: str) -> None:
    ended = python(code)
    assert (ended.returncode, ended.stdout) == (0, expected), ended.stdout
