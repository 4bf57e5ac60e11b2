"""Callbacks, timers, tasks and futures: the loop on its own, without a descriptor."""

import asyncio
import time

from loops.meter import Meter

BATCH = 1000
IDLE_TIMERS = 10_000


def nothing() -> None:
    """Be called."""


def call_soon(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Schedule a batch, run it in one turn."""

    def refill() -> None:
        if not meter.again(BATCH):
            loop.stop()
            return
        for _ in range(BATCH - 1):
            loop.call_soon(nothing)
        loop.call_soon(refill)

    loop.call_soon(refill)
    loop.run_forever()


def call_soon_threadsafe(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Do the same with call_soon_threadsafe, called by the loop's own thread."""

    def refill() -> None:
        if not meter.again(BATCH):
            loop.stop()
            return
        for _ in range(BATCH - 1):
            loop.call_soon_threadsafe(nothing)
        loop.call_soon_threadsafe(refill)

    loop.call_soon(refill)
    loop.run_forever()


def call_soon_chain(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Schedule one callback per turn, from within the one before."""

    def step(left: int) -> None:
        if left:
            loop.call_soon(step, left - 1)
        elif meter.again(BATCH):
            loop.call_soon(step, BATCH - 1)
        else:
            loop.stop()

    loop.call_soon(step, 0)
    loop.run_forever()


def idle_timers(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Turn while many timers wait for a time far off."""
    timers = [loop.call_later(3600 + number / 1000, nothing) for number in range(IDLE_TIMERS)]
    call_soon_chain(loop, meter)
    for timer in timers:
        timer.cancel()


def call_later_cancel(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Cancel each timer at once, as a timeout that was not needed; a turn after each batch."""

    def refill() -> None:
        if not meter.again(BATCH):
            loop.stop()
            return
        for _ in range(BATCH):
            loop.call_later(10, nothing).cancel()
        loop.call_soon(refill)

    loop.call_soon(refill)
    loop.run_forever()


def call_later_fire(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Schedule a batch of timers, sleep until all are due, run them in one turn.

    The delay is not 0, which some loops take for call_soon. The sleep costs no CPU time.
    """

    def refill() -> None:
        if not meter.again(BATCH):
            loop.stop()
            return
        for _ in range(BATCH - 1):
            loop.call_later(0.001, nothing)
        loop.call_later(0.001, refill)
        time.sleep(0.002)

    loop.call_soon(refill)
    loop.run_forever()


async def _nothing() -> None:
    pass


async def create_task(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Make a batch of tasks that end in their first step."""
    while meter.again(BATCH):
        tasks = [loop.create_task(_nothing()) for _ in range(BATCH)]
        await tasks[-1]


async def sleep_zero(_loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Give way to the loop, one task alone."""
    while meter.again(BATCH):
        for _ in range(BATCH):
            await asyncio.sleep(0)


async def future_handover(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Let two tasks wake each other in turn, each with a new future."""
    waiting = [loop.create_future(), loop.create_future()]

    async def player(me: int, batches: Meter | None) -> None:
        while batches is None or batches.again(2 * BATCH):
            for _ in range(BATCH):
                await waiting[me]
                waiting[me] = loop.create_future()
                waiting[1 - me].set_result(None)

    other = loop.create_task(player(1, None))
    waiting[0].set_result(None)
    await player(0, meter)
    other.cancel()
