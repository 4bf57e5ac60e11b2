"""fasterapi_asgi.server: how a server stops, gracefully, late, forced, and by signals."""

import asyncio
import os
import signal
import threading
from typing import Any

import pytest
from fake_core import FakeHttpServer
from serving import DEADLINE, ENDING, PID, core_of, make, serve, until

pytestmark = pytest.mark.usefixtures("core_is_fake")

# stopping

WAITING = "Waiting for connections to close. (CTRL+C to force quit)"
WAITING_FOR_TASKS = "Waiting for background tasks to complete. (CTRL+C to force quit)"


def test_what_closes_at_once_is_not_waited_for_in_the_log(log: pytest.LogCaptureFixture) -> None:
    server = make()

    async def meanwhile() -> None:
        core = core_of(server)
        core.connect()
        server.should_exit = True
        await until(lambda: "shutdown" in core.calls)
        core.disconnect()

    serve(server, meanwhile)
    assert "Shutting down" in log.messages
    assert WAITING not in log.messages


def test_open_connections_are_waited_for(log: pytest.LogCaptureFixture) -> None:
    server = make()

    async def meanwhile() -> None:
        core_of(server).connect()
        core = core_of(server)
        server.should_exit = True
        await until(lambda: WAITING in log.messages)
        core.disconnect()

    serve(server, meanwhile)
    assert log.messages[4:] == ["Shutting down", WAITING, *ENDING]


def test_tasks_without_a_connection_are_waited_for(log: pytest.LogCaptureFixture) -> None:
    server = make()
    finished: list[int] = []

    async def meanwhile() -> None:
        event = asyncio.Event()

        async def background() -> None:
            await event.wait()
            finished.append(1)

        core_of(server).start_task(background())
        server.should_exit = True
        await until(lambda: WAITING_FOR_TASKS in log.messages)
        event.set()

    serve(server, meanwhile)
    assert log.messages[4:] == ["Shutting down", WAITING_FOR_TASKS, *ENDING]
    assert finished == [1]


def test_two_shutdowns_at_once_wait_for_the_same_connection(
    log: pytest.LogCaptureFixture,
) -> None:
    server = make()

    async def meanwhile() -> list[Any]:
        core = core_of(server)
        core.connect()
        other = asyncio.create_task(server.shutdown())
        server.should_exit = True
        await until(lambda: log.messages.count("Shutting down") == 2 and WAITING in log.messages)
        core.disconnect()
        await asyncio.wait_for(other, DEADLINE)
        return core.calls

    calls = serve(server, meanwhile)
    assert (calls.count("shutdown"), calls.count("close")) == (1, 1)
    assert log.messages.count(WAITING) == 1


async def wait_for_ever(reasons: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError as error:
        reasons.append(str(error))


@pytest.mark.parametrize("timeout", [0, 1])
def test_requests_are_cancelled_when_the_graceful_stop_takes_too_long(
    timeout: int, log: pytest.LogCaptureFixture
) -> None:
    server = make(timeout_graceful_shutdown=timeout)
    reasons: list[str] = []
    cores: list[FakeHttpServer] = []

    async def meanwhile() -> None:
        core = core_of(server)
        cores.append(core)
        core.connect()
        task = core.start_task(wait_for_ever(reasons))
        task.add_done_callback(lambda _: core.disconnect())
        server.should_exit = True

    serve(server, meanwhile)
    cancelled = "Cancel 1 running task(s), timeout graceful shutdown exceeded"
    waiting = [WAITING] if timeout else []
    assert log.messages[4:] == ["Shutting down", *waiting, cancelled, *ENDING]
    assert [r.levelname for r in log.records if r.getMessage() == cancelled] == ["ERROR"]
    assert reasons == ["Task cancelled, timeout graceful shutdown exceeded"]


def test_a_forced_exit_waits_for_nothing(log: pytest.LogCaptureFixture) -> None:
    server = make()
    reasons: list[str] = []
    cores: list[FakeHttpServer] = []

    async def meanwhile() -> None:
        core = core_of(server)
        cores.append(core)
        core.connect()
        core.start_task(wait_for_ever(reasons))
        server.should_exit = True
        await until(lambda: WAITING in log.messages)
        server.force_exit = True

    serve(server, meanwhile)
    assert log.messages[4:] == ["Shutting down", WAITING, ENDING[-1]]
    assert "abort" in cores[0].calls
    assert reasons == ["Task cancelled, exit forced"]


# signals


def raise_signals(*signals: signal.Signals) -> None:
    for number in signals:
        os.kill(PID, number)


def test_a_signal_stops_the_server_and_is_raised_again_for_the_old_handler() -> None:
    server = make()
    seen: list[Any] = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("old handler"))
    try:

        async def meanwhile() -> None:
            handler: Any = signal.getsignal(signal.SIGTERM)
            assert (handler.__self__, handler.__self__.should_exit) == (server, False)
            raise_signals(signal.SIGTERM)
            seen.append("raised")

        serve(server, meanwhile)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == ["raised", "old handler"]
    assert (server.should_exit, server.force_exit) == (True, False)


def test_captured_signals_are_raised_again_last_first() -> None:
    server = make()
    seen: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: seen.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with server.capture_signals():
            raise_signals(signal.SIGINT, signal.SIGTERM)
            assert seen == []
        assert seen == [signal.SIGTERM, signal.SIGINT]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("should_exit", "signals", "forced"),
    [
        (False, [signal.SIGINT], False),
        (False, [signal.SIGTERM], False),
        (True, [signal.SIGINT], True),
        (True, [signal.SIGTERM], False),
        (False, [signal.SIGINT, signal.SIGINT], True),
        (False, [signal.SIGTERM, signal.SIGTERM], True),
        (False, [signal.SIGTERM, signal.SIGINT], True),
        (False, [signal.SIGINT, signal.SIGTERM], False),  # a supervisor passing Ctrl-C on
    ],
)
def test_the_second_signal_forces_the_exit(
    should_exit: bool, signals: list[signal.Signals], forced: bool
) -> None:
    server = make()
    server.should_exit = should_exit
    for number in signals:
        server.handle_exit(number, None)
    assert (server.should_exit, server.force_exit) == (True, forced)


def test_outside_the_main_thread_no_signal_is_captured() -> None:
    server = make()
    handlers: list[Any] = []

    def run() -> None:
        with server.capture_signals():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]
    assert not hasattr(handlers[0], "__self__") or handlers[0].__self__ is not server
