"""The cases, their figures and their targets."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from loops import callbacks, streams, threads
from loops.meter import Meter
from loops.streams import KIB


@dataclass(frozen=True)
class Figure:
    """One figure of a case, thus one line of the table.

    Attributes:
        key: what the meter calls it.
        label: what it is, behind the title.
        target: the largest ratio to uvloop's figure that meets the target.
    """

    key: str
    label: str
    target: float | None = None


@dataclass(frozen=True)
class Case:
    """What one process measures, on one loop.

    Attributes:
        run: runs the loop, or is a coroutine function that the loop runs.
        stretch: how many times longer than other cases, where operations are few.
    """

    name: str
    title: str
    run: Callable[[asyncio.AbstractEventLoop, Meter], Coroutine[Any, Any, None] | None]
    figures: tuple[Figure, ...]
    stretch: float = 1


def _cpu(target: float | None = None) -> tuple[Figure, ...]:
    return (Figure("cpu_us", "CPU", target),)


def _round_trip(target: float | None = None) -> tuple[Figure, ...]:
    return (Figure("p50_us", "p50", target), Figure("cpu_us", "CPU", target))


OWN = 0.7
EXECUTOR = 0.9
ECHO = 1.1

CASES = (
    Case("call-soon", "call_soon, 1000 per turn", callbacks.call_soon, _cpu(OWN)),
    Case("call-soon-chain", "call_soon, one per turn", callbacks.call_soon_chain, _cpu(OWN)),
    Case(
        "idle-timers",
        "call_soon, one per turn, 10,000 timers waiting",
        callbacks.idle_timers,
        _cpu(OWN),
    ),
    Case("timer-cancel", "call_later and cancel", callbacks.call_later_cancel, _cpu(OWN)),
    Case("timer-fire", "call_later until it has run", callbacks.call_later_fire, _cpu(OWN)),
    Case(
        "threadsafe-own",
        "call_soon_threadsafe by the loop's thread, 1000 per turn",
        callbacks.call_soon_threadsafe,
        _cpu(OWN),
    ),
    Case(
        "threadsafe-burst",
        "call_soon_threadsafe by another thread, bursts of 100",
        threads.threadsafe_burst,
        _cpu(OWN),
    ),
    Case(
        "threadsafe-wake-up",
        "call_soon_threadsafe by another thread, one at a time",
        threads.threadsafe_wake_up,
        _cpu(),
    ),
    Case("task", "create_task until it has ended", callbacks.create_task, _cpu(OWN)),
    Case("future", "a future's wake-up, two tasks in turn", callbacks.future_handover, _cpu(OWN)),
    Case("sleep-0", "sleep(0)", callbacks.sleep_zero, _cpu(OWN)),
    Case("to-thread", "to_thread round trip", threads.to_thread, _round_trip(EXECUTOR)),
    Case(
        "executor",
        "run_in_executor round trip",
        threads.run_in_executor,
        _round_trip(EXECUTOR),
    ),
    Case(
        "to-thread-saturated",
        "to_thread round trip, loop saturated",
        threads.saturated,
        (Figure("p50_us", "p50", 1.0), Figure("p99_us", "p99")),
        stretch=3,
    ),
    Case(
        "streams-1k",
        "streams echo, 1 KiB, 8 connections",
        partial(streams.streams, size=KIB, connections=8),
        _cpu(ECHO),
    ),
    Case(
        "streams-64k",
        "streams echo, 64 KiB, 4 connections",
        partial(streams.streams, size=64 * KIB, connections=4),
        _cpu(ECHO),
    ),
    Case(
        "streams-1m",
        "streams echo, 1 MiB, 1 connection",
        partial(streams.streams, size=KIB * KIB, connections=1),
        _cpu(ECHO),
    ),
)
BY_NAME = {case.name: case for case in CASES}
