"""The cases, their figures and their targets."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from loops import callbacks, descriptors, life, protocols, streams, threads
from loops.meter import Meter


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


KIB = 1024
OWN = 0.7  # what the loop does without a descriptor
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
        "to_thread round trip, loop saturated, one core",
        threads.saturated,
        (Figure("p50_us", "p50", 1.0), Figure("p99_us", "p99")),
        stretch=2,
    ),
    Case(
        "to-thread-saturated-2",
        "to_thread round trip, loop saturated, threads on another core",
        partial(threads.saturated, second_core=True),
        (Figure("p50_us", "p50", 1.0),),
        stretch=5,
    ),
    Case(
        "streams-1k-c1",
        "streams echo, 1 KiB, 1 connection",
        partial(streams.echo, size=KIB, connections=1),
        _cpu(ECHO),
    ),
    Case(
        "streams-1k",
        "streams echo, 1 KiB, 8 connections",
        partial(streams.echo, size=KIB, connections=8),
        _cpu(ECHO),
    ),
    Case(
        "streams-64k",
        "streams echo, 64 KiB, 4 connections",
        partial(streams.echo, size=64 * KIB, connections=4),
        _cpu(ECHO),
    ),
    Case(
        "streams-1m",
        "streams echo, 1 MiB, 1 connection",
        partial(streams.echo, size=KIB * KIB, connections=1),
        _cpu(ECHO),
    ),
    Case(
        "tls-1k",
        "streams echo over TLS, 1 KiB, 8 connections",
        partial(streams.echo, size=KIB, connections=8, tls=True),
        _cpu(ECHO),
    ),
    Case(
        "tls-64k",
        "streams echo over TLS, 64 KiB, 4 connections",
        partial(streams.echo, size=64 * KIB, connections=4, tls=True),
        _cpu(ECHO),
    ),
    Case(
        "protocol-1k",
        "Protocol echo, 1 KiB, 8 connections",
        partial(protocols.echo, protocol=protocols.Plain, size=KIB, connections=8),
        _cpu(),
    ),
    Case(
        "buffered-1k",
        "BufferedProtocol echo, 1 KiB, 8 connections",
        partial(protocols.echo, protocol=protocols.Buffered, size=KIB, connections=8),
        _cpu(),
    ),
    Case(
        "udp-1k",
        "UDP echo, 1 KiB, 8 peers",
        partial(protocols.datagrams, size=KIB, connections=8),
        _cpu(),
    ),
    Case("add-reader", "add_reader event, 1 byte", descriptors.add_reader, _cpu()),
    Case("sock", "sock_recv and sock_sendall, 1 byte", descriptors.sock_methods, _cpu()),
    Case(
        "subprocess",
        "create_subprocess_exec until it has ended",
        life.subprocess,
        (Figure("cpu_us", "CPU"), Figure("wall_us", "wall")),
    ),
    Case("make-close", "making a loop and closing it", life.make_and_close, _cpu()),
)
BY_NAME = {case.name: case for case in CASES}
