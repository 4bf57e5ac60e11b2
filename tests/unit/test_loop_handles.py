"""The handles of fasterapi_asgi.EventLoop are, to whoever holds one, those of asyncio."""

import asyncio
import contextvars
import operator
import re
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from loop_runner import DEADLINE, a_loop, nothing_left, turn

from fasterapi_asgi import new_event_loop

FACTORIES = (asyncio.SelectorEventLoop, new_event_loop)
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE")
METHODS = ("call_soon", "call_soon_threadsafe", "call_later", "call_at")


def callback(*_: Any) -> None:
    pass


def schedule(loop: Any, method: str, *arguments: Any, **options: Any) -> Any:
    times = {"call_later": (1000,), "call_at": (2.0**40,)}
    return getattr(loop, method)(*times.get(method, ()), callback, *arguments, **options)


def both(tell: Callable[[Any], Any], *, debug: bool = False) -> tuple[Any, Any]:
    """What is told of asyncio's own loop, and of ours."""
    answers = []
    for factory in FACTORIES:
        loop = factory()
        loop.set_debug(debug)
        try:
            answers.append(tell(loop))
        finally:
            loop.close()
    return answers[0], answers[1]


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("method", METHODS)
def test_a_handle_is_shown_as_asyncio_shows_it(method: str, debug: bool) -> None:
    def show(loop: Any) -> list[str]:
        if method == "call_later":
            loop.time = lambda: 0.0  # asyncio's is asked, ours has its own clock
        handle = schedule(loop, method, 1, "two")
        texts = [repr(handle)]
        handle.cancel()
        texts.append(repr(handle))
        return [re.sub(r"when=[\d.]+", "when=T", text) for text in texts]

    theirs, ours = both(show, debug=debug)
    assert ours == theirs
    assert "cancelled" in ours[1]


@pytest.mark.parametrize("method", METHODS)
def test_a_handle_is_of_asyncios_class(method: str) -> None:
    def kinds(loop: Any) -> list[bool]:
        handle = schedule(loop, method)
        return [isinstance(handle, kind) for kind in (asyncio.Handle, asyncio.TimerHandle)]

    theirs, ours = both(kinds)
    assert ours == theirs


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("method", METHODS)
def test_a_cancelled_handle_lets_go_of_what_it_held(method: str, debug: bool) -> None:
    class Argument:
        pass

    def hold(loop: Any) -> list[Any]:
        argument = Argument()
        gone = weakref.ref(argument)
        handle = schedule(loop, method, argument)
        before = handle.cancelled(), handle._callback is callback, handle._args == (argument,)
        del argument
        handle.cancel()
        handle.cancel()
        return [*before, handle.cancelled(), handle._callback, handle._args, gone()]

    theirs, ours = both(hold, debug=debug)
    assert ours == theirs == [False, True, True, True, None, None, None]


@pytest.mark.parametrize("method", METHODS)
def test_a_handle_tells_its_context(method: str) -> None:
    def contexts(loop: Any) -> list[Any]:
        given = contextvars.copy_context()
        given.run(VARIABLE.set, "given")
        token = VARIABLE.set("of the caller")
        handles = [schedule(loop, method, context=given), schedule(loop, method)]
        VARIABLE.reset(token)
        seen = [handle._context[VARIABLE] for handle in handles]
        if sys.version_info >= (3, 12):
            seen += [handle.get_context()[VARIABLE] for handle in handles]
        return [*seen, handles[0]._context is given]

    theirs, ours = both(contexts)
    assert ours == theirs
    assert ours[:2] == ["given", "of the caller"]


def test_a_timer_tells_when_it_is_due() -> None:
    def due(loop: Any) -> tuple[float, bool, bool]:
        timer = loop.call_at(12.5, callback)
        later = loop.call_later(10, callback)
        return timer.when(), timer._scheduled, 9 < later.when() - loop.time() <= 10

    theirs, ours = both(due)
    assert ours == theirs == (12.5, True, True)


def test_timers_are_ordered_compared_and_hashed_as_asyncios() -> None:
    def compare(loop: Any) -> list[Any]:
        early, same, late = (loop.call_at(when, callback) for when in (1e9, 1e9, 2e9))
        own = asyncio.TimerHandle(1e9, callback, (), loop)
        pairs = [(early, same), (early, late), (late, early), (early, own), (own, late)]
        compared = [
            compare(*pair)
            for pair in pairs
            for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq)
        ]
        hashed = [hash(early) == hash(1e9), len({early, same, late})]
        foreign = [early == 1e9, early == "timer", sorted([late, early])[0] is early]
        with pytest.raises(TypeError):
            operator.lt(early, 1e9)
        return [*compared, *hashed, *foreign]

    theirs, ours = both(compare)
    assert ours == theirs


@pytest.mark.parametrize("method", METHODS)
def test_debug_mode_tells_where_a_handle_was_made(method: str) -> None:
    def innermost_frames(loop: Any) -> list[tuple[str, str]]:
        made = schedule(loop, method)
        return [(frame.filename, frame.name) for frame in made._source_traceback[-2:]]

    theirs, ours = both(innermost_frames, debug=True)
    assert ours == theirs == [(__file__, "innermost_frames"), (__file__, "schedule")]


def test_futures_and_tasks_tell_where_they_were_made() -> None:
    def innermost_frames(loop: Any) -> list[str]:
        future = loop.create_future()
        task = loop.create_task(asyncio.sleep(0))
        loop.run_until_complete(task)
        return [made._source_traceback[-1].name for made in (future, task)]

    _, ours = both(innermost_frames, debug=True)  # asyncio's future names its own create_future()
    assert ours == ["innermost_frames"] * 2


@pytest.mark.skipif(sys.version_info < (3, 14), reason="cancel() blocks from Python 3.14 on")
def test_cancelling_from_another_thread_waits_for_the_running_callback() -> None:
    order: list[str] = []
    running, cancelling = threading.Event(), threading.Event()

    def run() -> None:
        running.set()
        cancelling.wait(DEADLINE)
        # The other thread is in cancel() or about to be: it returns only behind this append.
        order.append("the callback ends")

    def cancel() -> None:
        running.wait(DEADLINE)
        cancelling.set()
        handles[0].cancel()
        order.append("cancel() returns")
        loop.call_soon_threadsafe(loop.stop)

    with a_loop() as loop:
        handles = [loop.call_soon_threadsafe(run)]
        thread = threading.Thread(target=cancel)
        thread.start()
        loop.run_forever()
        thread.join(DEADLINE)
    assert order == ["the callback ends", "cancel() returns"]


def test_a_handle_cancelled_by_another_thread_never_runs_afterwards() -> None:
    with a_loop() as loop:
        for _ in range(200):
            ran: list[str] = []
            handle = loop.call_soon_threadsafe(ran.append, "ran")
            thread = threading.Thread(target=handle.cancel)
            thread.start()
            thread.join(DEADLINE)
            assert handle.cancelled()
            turn(loop)
            assert ran == []


def test_a_handle_outlives_its_loop() -> None:
    with nothing_left():
        loop = new_event_loop()
        handles = [schedule(loop, method, 1) for method in METHODS]
        loop.close()
        del loop
        for handle in handles:
            assert "callback" in repr(handle)
            with suppress(RuntimeError):
                handle.cancel()
            assert handle.cancelled()
        del handles, handle


def test_a_hundred_thousand_timers_cancelled_in_any_order_leave_nothing() -> None:
    with a_loop() as loop:
        strange: Any = loop
        timers = [loop.call_later(1000 + number % 977, callback) for number in range(100_000)]
        turn(loop)
        assert len(strange._scheduled) == 100_000
        for start in (1, 0):  # every other one, then the rest
            for timer in timers[start::2]:
                timer.cancel()
            turn(loop)
        assert strange._scheduled == []
        gone = weakref.ref(timers[-1])
        del timers, timer
        turn(loop)
        assert gone() is None
