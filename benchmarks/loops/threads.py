"""The loop and other threads: wake-ups, and calls handed to the default executor."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from suite import machine

from loops.callbacks import nothing
from loops.meter import Meter

BURST = 100
SATURATING_CALLBACK_US = 50.0


def threadsafe_burst(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Post a burst from another thread, wait for its last callback, post the next."""
    _from_another_thread(loop, meter, BURST)


def threadsafe_wake_up(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Post one callback to the sleeping loop from another thread, wait until it has run."""
    _from_another_thread(loop, meter, 1)


def _from_another_thread(loop: asyncio.AbstractEventLoop, meter: Meter, burst: int) -> None:
    ran = threading.Lock()
    ran.acquire()

    def post() -> None:
        while meter.again(burst):
            for _ in range(burst - 1):
                loop.call_soon_threadsafe(nothing)
            loop.call_soon_threadsafe(ran.release)
            ran.acquire()
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=post)
    thread.start()
    loop.run_forever()
    thread.join()


async def run_in_executor(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Hand calls to the default executor one after the other."""
    await _round_trips(lambda: loop.run_in_executor(None, nothing), meter)


async def to_thread(_loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Do the same with asyncio.to_thread."""
    await _round_trips(lambda: asyncio.to_thread(nothing), meter)


async def saturated(
    loop: asyncio.AbstractEventLoop, meter: Meter, second_core: bool = False
) -> None:
    """Do the same while a chain of callbacks leaves the loop no time to sleep.

    With `second_core`, the executor's threads have the other core: they then race with the loop
    for the GIL, whereas on one core the kernel lets the woken thread run first.
    """
    if second_core:
        loop.set_default_executor(
            ThreadPoolExecutor(initializer=os.sched_setaffinity, initargs=(0, {machine.LOAD_CORE}))
        )
    spins = range(_spins_of(SATURATING_CALLBACK_US))
    ended = False

    def burn() -> None:
        for _ in spins:
            pass
        if not ended:
            loop.call_soon(burn)

    loop.call_soon(burn)
    await _round_trips(lambda: asyncio.to_thread(nothing), meter)
    ended = True


async def _round_trips(call: Callable[[], Awaitable[None]], meter: Meter) -> None:
    while meter.again():
        begun = time.perf_counter()
        await call()
        meter.latency(time.perf_counter() - begun)


def _spins_of(microseconds: float) -> int:
    """Return how many turns of an empty `for` take so long when nothing disturbs them."""
    probe = range(1000)
    shortest = float("inf")
    for _ in range(200):
        begun = time.perf_counter()
        for _ in probe:
            pass
        shortest = min(shortest, time.perf_counter() - begun)
    return round(len(probe) * microseconds / 1e6 / shortest)
