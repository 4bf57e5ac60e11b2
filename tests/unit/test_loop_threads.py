"""The event loop beside threads: it wakes, gives up the GIL, costs nothing idle."""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from loop_runner import DEADLINE, a_loop, must_print, nothing_left, run

from fasterapi_asgi import new_event_loop


def test_a_thread_wakes_an_idle_loop() -> None:
    with a_loop() as loop:
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
        loop.call_soon(thread.start)
        loop.run_forever()  # without a wake-up it would wait for ever: there is no timer
        thread.join()


def test_callbacks_of_many_threads_all_run_each_threads_in_order() -> None:
    per_thread, threads = 2000, 4
    with a_loop() as loop:
        ran: list[tuple[int, int]] = []

        def call(thread: int) -> None:
            for number in range(per_thread):
                loop.call_soon_threadsafe(ran.append, (thread, number))
            loop.call_soon_threadsafe(one_ended)

        ended: list[None] = []

        def one_ended() -> None:
            ended.append(None)
            if len(ended) == threads:
                loop.stop()

        workers = [threading.Thread(target=call, args=(thread,)) for thread in range(threads)]
        for worker in workers:
            worker.start()
        loop.run_forever()
        for worker in workers:
            worker.join()
        for thread in range(threads):
            assert [n for t, n in ran if t == thread] == list(range(per_thread))


def test_call_soon_threadsafe_works_in_the_loops_own_thread_and_between_runs() -> None:
    with a_loop() as loop:
        ran: list[str] = []
        loop.call_soon_threadsafe(ran.append, "between")
        loop.call_soon(loop.call_soon_threadsafe, loop.stop)
        loop.run_forever()
        assert ran == ["between"]


def test_call_soon_threadsafe_of_a_closed_loop_is_asyncios_error() -> None:
    loop = new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        loop.call_soon_threadsafe(print)


def test_threads_that_call_while_the_loop_is_closed_get_asyncios_error_at_worst() -> None:
    def call(loop: asyncio.AbstractEventLoop) -> None:
        try:
            while True:
                loop.call_soon_threadsafe(int)
        except RuntimeError as error:
            ends.append(str(error))

    ends: list[str] = []
    with nothing_left():
        for _ in range(10):
            loop = new_event_loop()
            threads = [threading.Thread(target=call, args=(loop,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            loop.call_later(0.005, loop.stop)
            loop.run_forever()
            loop.close()
            for thread in threads:
                thread.join(DEADLINE)
    assert ends == ["Event loop is closed"] * 30


def test_run_in_executor_and_run_coroutine_threadsafe_work() -> None:
    async def double(number: int) -> int:
        return number * 2

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()

        def in_thread(number: int) -> int:
            return asyncio.run_coroutine_threadsafe(double(number), loop).result(DEADLINE)

        return await asyncio.gather(*(asyncio.to_thread(in_thread, n) for n in range(20)))

    assert run(main) == [number * 2 for number in range(20)]


def test_two_loops_run_in_two_threads() -> None:
    async def ping_pong(mine: "asyncio.Queue[int]", theirs: list[object]) -> int:
        for _ in range(500):
            number = await mine.get()
            loop, queue = theirs
            loop.call_soon_threadsafe(queue.put_nowait, number + 1)  # type: ignore[attr-defined]
        return number

    def serve(side: int) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            queue: asyncio.Queue[int] = asyncio.Queue()
            ends[side].extend([runner.get_loop(), queue])
            both_there.wait(DEADLINE)
            if side == 0:
                queue.put_nowait(0)
            results[side] = runner.run(ping_pong(queue, ends[1 - side]))
            both_there.wait(DEADLINE)  # a loop must not be closed while it is called

    ends: tuple[list[object], list[object]] = ([], [])
    results: dict[int, int] = {}
    both_there = threading.Barrier(2)
    with nothing_left():
        threads = [threading.Thread(target=serve, args=(side,)) for side in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
    assert results == {0: 998, 1: 999}


@contextlib.contextmanager
def nobody_is_switched_out() -> Iterator[None]:
    """A thread that wants the GIL gets it only when another one gives it up by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_a_saturated_loop_gives_up_the_gil_in_every_turn() -> None:
    with a_loop() as loop:
        rounds: list[int] = []

        def saturate() -> None:
            loop.call_soon(saturate)

        def work() -> None:
            for number in range(50):
                time.sleep(0)  # gives the GIL away and wants it back
                rounds.append(number)
            loop.call_soon_threadsafe(loop.stop)

        thread = threading.Thread(target=work)
        loop.call_soon(saturate)
        loop.call_soon(thread.start)
        with nobody_is_switched_out():
            loop.run_forever()
        thread.join()
        assert len(rounds) == 50


def test_an_idle_loop_uses_no_processor_time() -> None:
    must_print(
        """
import asyncio, time
from fasterapi_asgi import new_event_loop
async def main():
    began = time.process_time()
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.5)
    except TimeoutError:
        return time.process_time() - began
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    used = runner.run(main())
print("idle" if used < 0.05 else f"{used} s used in 0.5 s")
""",
        "idle\n",
    )
