"""EventLoop and asyncio's own loop are given the same bad calls, and answer alike."""

import asyncio
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from loop_runner import DEADLINE, collect_errors, nothing_left, turn

from fasterapi_asgi import new_event_loop

Call = Callable[[Any, "Descriptors"], Any]
FACTORIES = (asyncio.SelectorEventLoop, new_event_loop)


class Descriptors:
    """What a bad call may name."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close())
        self.sockets = socket.socketpair()
        # Far above those in use: what a loop opens does not get its number.
        self.closed = 900

    def close(self) -> None:
        self.file.close()
        for sock in self.sockets:
            sock.close()


async def coroutine() -> None:
    pass


def nothing(*_: Any) -> None:
    pass


@contextmanager
def a_loop_of(factory: Callable[[], asyncio.AbstractEventLoop], debug: bool) -> Iterator[Any]:
    loop = factory()
    loop.set_debug(debug)
    try:
        yield loop
    finally:
        loop.close()


def what_comes_of(loop: Any, call: Call, descriptors: Descriptors) -> tuple[str, str]:
    try:
        result = call(loop, descriptors)
    except BaseException as error:
        return type(error).__name__, str(error)
    if isinstance(result, asyncio.Handle):
        result.cancel()
    return "returned", repr(result) if isinstance(result, bool) else type(result).__name__


CALLS: dict[str, Call] = {
    # what Python itself says of arguments
    "call_soon()": lambda loop, _: loop.call_soon(),
    "call_soon(colour=)": lambda loop, _: loop.call_soon(nothing, colour=1),
    "call_soon(callback twice)": lambda loop, _: loop.call_soon(nothing, callback=nothing),
    "call_soon_threadsafe()": lambda loop, _: loop.call_soon_threadsafe(),
    "call_soon_threadsafe(colour=)": lambda loop, _: loop.call_soon_threadsafe(nothing, colour=1),
    "call_later()": lambda loop, _: loop.call_later(),
    "call_later(1)": lambda loop, _: loop.call_later(1),
    "call_later(callback=)": lambda loop, _: loop.call_later(callback=nothing),
    "call_later(delay twice)": lambda loop, _: loop.call_later(1, nothing, delay=2),
    "call_later(colour=)": lambda loop, _: loop.call_later(1, nothing, colour=2),
    "call_at()": lambda loop, _: loop.call_at(),
    "call_at(1)": lambda loop, _: loop.call_at(1),
    "call_at(when twice)": lambda loop, _: loop.call_at(1, nothing, when=2),
    "run_until_complete()": lambda loop, _: loop.run_until_complete(),
    "stop(1)": lambda loop, _: loop.stop(1),
    # times
    "call_later(None)": lambda loop, _: loop.call_later(None, nothing),
    "call_later(str)": lambda loop, _: loop.call_later("1", nothing),
    "call_later(list)": lambda loop, _: loop.call_later([], nothing),
    "call_at(None)": lambda loop, _: loop.call_at(None, nothing),
    # callables
    "call_soon(42)": lambda loop, _: loop.call_soon(42),
    "call_soon(None)": lambda loop, _: loop.call_soon(None),
    "call_soon(coroutine)": lambda loop, _: loop.call_soon(coroutine),
    "call_soon_threadsafe(42)": lambda loop, _: loop.call_soon_threadsafe(42),
    "call_soon_threadsafe(coroutine)": lambda loop, _: loop.call_soon_threadsafe(coroutine),
    "call_later(1, 42)": lambda loop, _: loop.call_later(1, 42),
    "call_later(1, coroutine)": lambda loop, _: loop.call_later(1, coroutine),
    "call_at(1, 42)": lambda loop, _: loop.call_at(1, 42),
    "call_at(1, coroutine)": lambda loop, _: loop.call_at(1, coroutine),
    "run_in_executor(42)": lambda loop, _: loop.run_in_executor(None, 42).cancel(),
    "run_in_executor(coroutine)": lambda loop, _: loop.run_in_executor(None, coroutine).cancel(),
    "create_task(1)": lambda loop, _: loop.create_task(1),
    "run_until_complete(1)": lambda loop, _: loop.run_until_complete(1),
    "set_task_factory(1)": lambda loop, _: loop.set_task_factory(1),
    "set_exception_handler(1)": lambda loop, _: loop.set_exception_handler(1),
    "set_default_executor(1)": lambda loop, _: loop.set_default_executor(1),
    # descriptors
    "add_reader(closed)": lambda loop, fds: loop.add_reader(fds.closed, nothing),
    "add_writer(closed)": lambda loop, fds: loop.add_writer(fds.closed, nothing),
    "add_reader(file)": lambda loop, fds: loop.add_reader(fds.file, nothing),
    "add_writer(file)": lambda loop, fds: loop.add_writer(fds.file.fileno(), nothing),
    "add_reader(-1)": lambda loop, _: loop.add_reader(-1, nothing),
    "add_writer(-1)": lambda loop, _: loop.add_writer(-1, nothing),
    "add_reader(None)": lambda loop, _: loop.add_reader(None, nothing),
    "add_writer(None)": lambda loop, _: loop.add_writer(None, nothing),
    "add_reader(str)": lambda loop, _: loop.add_reader("1", nothing),
    "add_reader(float)": lambda loop, _: loop.add_reader(1.5, nothing),
    "add_reader(2**31 - 1)": lambda loop, _: loop.add_reader(2**31 - 1, nothing),
    "add_writer(-2**64)": lambda loop, _: loop.add_writer(-(2**64), nothing),
    "remove_reader(2**31 - 1)": lambda loop, _: loop.remove_reader(2**31 - 1),
    "add_reader(2**31)": lambda loop, _: loop.add_reader(2**31, nothing),
    "add_reader(2**64)": lambda loop, _: loop.add_reader(2**64, nothing),
    "add_reader(fd)": lambda loop, fds: loop.add_reader(fds.sockets[0]),
    "remove_reader(closed)": lambda loop, fds: loop.remove_reader(fds.closed),
    "remove_writer(closed)": lambda loop, fds: loop.remove_writer(fds.closed),
    "remove_reader(-1)": lambda loop, _: loop.remove_reader(-1),
    "remove_writer(-1)": lambda loop, _: loop.remove_writer(-1),
    "remove_reader(None)": lambda loop, _: loop.remove_reader(None),
    "remove_reader(str)": lambda loop, _: loop.remove_reader("1"),
    "remove_writer(2**64)": lambda loop, _: loop.remove_writer(2**64),
    # signals
    "add_signal_handler(42)": lambda loop, _: loop.add_signal_handler(2, 42),
    "add_signal_handler(coroutine)": lambda loop, _: loop.add_signal_handler(2, coroutine),
    "add_signal_handler(str)": lambda loop, _: loop.add_signal_handler("2", nothing),
    "add_signal_handler(SIGKILL)": lambda loop, _: loop.add_signal_handler(9, nothing),
    "add_signal_handler(0)": lambda loop, _: loop.add_signal_handler(0, nothing),
    "add_signal_handler(1000)": lambda loop, _: loop.add_signal_handler(1000, nothing),
    "remove_signal_handler(1000)": lambda loop, _: loop.remove_signal_handler(1000),
}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("name", CALLS)
def test_a_bad_call_is_answered_as_asyncio_answers_it(name: str, debug: bool, closed: bool) -> None:
    answers = []
    descriptors = Descriptors()
    for factory in FACTORIES:
        with a_loop_of(factory, debug) as loop:
            if closed:
                loop.close()
            answers.append(what_comes_of(loop, CALLS[name], descriptors))
    descriptors.close()
    assert answers[1] == answers[0]


@pytest.mark.parametrize("name", CALLS)
def test_in_debug_mode_a_bad_call_of_another_thread_is_answered_as_asyncio_answers_it(
    name: str,
) -> None:
    answers = []
    descriptors = Descriptors()
    for factory in FACTORIES:
        with a_loop_of(factory, True) as loop:

            def from_another_thread(loop: Any = loop) -> None:
                call = (loop, CALLS[name], descriptors)
                other = threading.Thread(target=lambda: answers.append(what_comes_of(*call)))
                other.start()
                other.join(DEADLINE)

            loop.call_soon(from_another_thread)
            loop.call_soon(loop.stop)
            loop.run_forever()
    descriptors.close()
    assert answers[1] == answers[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda loop: loop.call_soon(42, 1),
        lambda loop: loop.call_soon(nothing, 1, 2).cancel(),
        lambda loop: loop.call_soon(nothing.__get__, 1, 2, 3),
        lambda loop: loop.call_later(0, None),
        lambda loop: loop.call_soon_threadsafe("no callable"),
        lambda loop: loop._add_callback(asyncio.Handle(42, (), loop)),
        lambda loop: loop._add_callback(asyncio.Handle(nothing, [1, 2], loop)),
    ],
)
def test_what_cannot_be_called_is_reported_as_asyncio_reports_it(call: Callable[..., Any]) -> None:
    reports: list[list[Any]] = []
    for factory in FACTORIES:
        with a_loop_of(factory, False) as loop:
            errors = collect_errors(loop)
            call(loop)
            turn(loop, 2)
            reports.append(
                [(e["message"], type(e["exception"]), str(e["exception"])) for e in errors]
            )
    assert reports[1] == reports[0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        # asyncio finds these later, where nobody can tell any more whose call it was
        (lambda loop: loop.call_soon(nothing, context=1), TypeError),
        (lambda loop: loop.call_at("now", nothing), TypeError),
        (lambda loop: loop.call_at(float("nan"), nothing), ValueError),
        (lambda loop: loop.call_later(float("nan"), nothing), ValueError),
    ],
)
def test_what_asyncio_notices_later_is_refused_at_once(
    call: Callable[..., Any], error: type[Exception]
) -> None:
    with a_loop_of(new_event_loop, False) as loop, pytest.raises(error):
        call(loop)


@pytest.mark.parametrize("attribute", ["_thread_id", "_stopping", "_closed", "_debug", "_ready"])
def test_private_attributes_may_be_deleted_without_harm(attribute: str) -> None:
    with a_loop_of(new_event_loop, False) as loop:
        with suppress(AttributeError, TypeError):
            delattr(loop, attribute)
        turn(loop)


def test_strange_things_in_the_queue_do_not_crash() -> None:
    class Own(asyncio.Handle):
        pass

    for handle in (42, None, Own.__new__(Own), asyncio.Handle.__new__(asyncio.Handle)):
        with a_loop_of(new_event_loop, False) as loop:
            loop._ready.append(handle)
            loop.call_soon(loop.stop)
            with pytest.raises(AttributeError):
                loop.run_forever()
            loop._timer_handle_cancelled(handle)
            turn(loop)


def test_every_argument_may_be_named() -> None:
    with a_loop_of(new_event_loop, False) as loop:
        ran: list[str] = []
        loop.call_soon(callback=lambda: ran.append("soon"))
        loop.call_soon_threadsafe(callback=lambda: ran.append("threadsafe"), context=None)
        loop.call_later(0, callback=lambda: ran.append("later"))
        loop.call_later(delay=0, callback=lambda: ran.append("later"))
        loop.call_at(when=loop.time(), callback=lambda: ran.append("at"))
        turn(loop, 2)
        assert sorted(ran) == ["at", "later", "later", "soon", "threadsafe"]


def test_a_descriptor_closed_between_calls_is_an_error_and_no_abort() -> None:
    with nothing_left(), a_loop_of(new_event_loop, False) as loop:
        one, other = socket.socketpair()
        fd = one.fileno()
        loop.add_reader(fd, nothing)
        os.close(one.detach())
        other.close()
        for call in (loop.add_writer, loop.add_reader):
            with suppress(OSError):
                call(fd, nothing)
            turn(loop)
        loop.remove_writer(fd)
        loop.remove_reader(fd)
        turn(loop)
