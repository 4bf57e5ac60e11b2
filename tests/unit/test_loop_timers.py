"""fasterapi_asgi.EventLoop: timers run in order, never early, and leave nothing when cancelled."""

import asyncio
import sys
import time

import pytest
from loop_runner import DEADLINE, a_loop, run, turn


def test_timers_run_by_time_and_equal_times_in_the_order_of_their_making() -> None:
    with a_loop() as loop:
        ran: list[str] = []
        now = loop.time()
        for name, when in [("c", 0.02), ("a1", 0.0), ("b1", 0.01), ("a2", 0.0), ("b2", 0.01)]:
            loop.call_at(now + when, ran.append, name)
        loop.call_at(now + 0.03, loop.stop)
        loop.run_forever()
        assert ran == ["a1", "a2", "b1", "b2", "c"]


def test_no_timer_runs_early() -> None:
    with a_loop() as loop:
        early: list[float] = []

        def check(when: float) -> None:
            if loop.time() < when:
                early.append(when - loop.time())

        now = loop.time()
        for number in range(200):
            when = now + number * 0.000_137
            loop.call_at(when, check, when)
        loop.call_at(now + 0.03, loop.stop)
        loop.run_forever()
        assert early == []


def test_a_delay_counts_from_the_call_not_from_the_turn() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        time.sleep(0.02)  # noqa: ASYNC251 (the turn is meant to be late)
        began = loop.time()
        future = loop.create_future()
        loop.call_later(0.03, lambda: future.set_result(loop.time()))
        return await future - began  # type: ignore[no-any-return]

    assert 0.03 <= run(main) < DEADLINE


def test_time_is_the_monotonic_clock() -> None:
    with a_loop() as loop:
        before = time.monotonic()
        assert before <= loop.time() <= time.monotonic()


def test_a_sooner_timer_shortens_a_wait_that_was_planned_longer() -> None:
    with a_loop() as loop:
        loop.call_later(1000, loop.stop).cancel()
        far = loop.call_later(1000, loop.stop)
        turn(loop)
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        assert loop.time() < far.when() - 500
        far.cancel()


def test_a_cancelled_timer_does_not_run() -> None:
    with a_loop() as loop:
        ran: list[str] = []
        timer = loop.call_later(0.001, ran.append, "cancelled")
        loop.call_later(0.002, loop.stop)
        timer.cancel()
        loop.run_forever()
        assert ran == []


def test_a_callback_may_cancel_a_timer_that_is_due_in_the_same_turn() -> None:
    with a_loop() as loop:
        ran: list[str] = []
        now = loop.time()
        timers: list[asyncio.TimerHandle] = []
        loop.call_at(now, lambda: timers[0].cancel())  # noqa: PLW0108 (not there yet)
        timers.append(loop.call_at(now, ran.append, "cancelled"))
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        assert ran == []


def test_cancelled_timers_leave_nothing() -> None:
    with a_loop() as loop:
        token = object()
        before = sys.getrefcount(token)
        for _ in range(100_000):
            loop.call_later(1000, print, token).cancel()
        assert sys.getrefcount(token) == before  # cancel() lets go of the arguments
        turn(loop)
        assert loop._scheduled == []  # type: ignore[attr-defined]


def test_cancelled_timers_are_dropped_when_they_are_more_than_half() -> None:
    with a_loop() as loop:
        kept = [loop.call_later(1000 + number, print) for number in range(100)]
        cancelled = [loop.call_later(2000 + number, print) for number in range(150)]
        for timer in cancelled:
            timer.cancel()
        turn(loop)
        left = loop._scheduled  # type: ignore[attr-defined]
        assert sorted(left, key=asyncio.TimerHandle.when) == kept


def test_a_timer_cancelled_twice_counts_once() -> None:
    with a_loop() as loop:
        kept = [loop.call_later(1000, print) for _ in range(101)]
        cancelled = loop.call_later(1, print)
        for _ in range(200):
            cancelled.cancel()
        turn(loop)
        left = loop._scheduled  # type: ignore[attr-defined]
        assert len(left) == len(kept)


@pytest.mark.parametrize("delay", [-1e300, -1, 0, float("-inf")])
def test_a_time_that_has_passed_is_due_in_the_next_turn(delay: float) -> None:
    with a_loop() as loop:
        ran: list[str] = []
        loop.call_later(delay, ran.append, "due")
        turn(loop)
        assert ran == ["due"]


@pytest.mark.parametrize("delay", [1e300, float("inf"), 10.0**12])
def test_a_timer_in_the_far_future_does_not_disturb(delay: float) -> None:
    with a_loop() as loop:
        loop.call_later(delay, print)
        loop.call_later(0.001, loop.stop)
        loop.run_forever()


def test_not_a_number_is_refused() -> None:
    with a_loop() as loop, pytest.raises(ValueError, match="NaN"):
        loop.call_later(float("nan"), print)


def test_timeouts_of_asyncio_work() -> None:
    async def main() -> str:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"
        return "never"

    assert run(main) == "timed out"
