"""fasterapi_asgi.EventLoop: work in other threads ends as on asyncio's loop."""

import asyncio
import concurrent.futures
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from loop_runner import DEADLINE, a_loop, run

from fasterapi_asgi import EventLoop


async def a_result() -> Any:
    loop = asyncio.get_running_loop()
    return [await loop.run_in_executor(None, divmod, 7, number) for number in (2, 3)]


async def an_exception() -> Any:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int, "1")
    return await loop.run_in_executor(None, int, "no number")


def raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    def work() -> None:
        raise error

    async def scenario() -> Any:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, int, "1")
        return await loop.run_in_executor(None, work)

    return scenario


async def an_executor_of_the_callers() -> Any:
    with concurrent.futures.ThreadPoolExecutor(1, "of the caller") as threads:
        future = asyncio.get_running_loop().run_in_executor(threads, threading.current_thread)
        return (await future).name


async def work_that_is_cancelled_before_it_begins() -> Any:
    loop, going_on = asyncio.get_running_loop(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = loop.run_in_executor(threads, going_on.wait, DEADLINE)
        begun: list[int] = []
        second = loop.run_in_executor(threads, begun.append, 1)
        second.cancel()
        await asyncio.sleep(0)
        going_on.set()
        return await first, second.cancelled(), begun


async def work_that_is_cancelled_while_it_goes_on() -> Any:
    loop, begun, going_on = asyncio.get_running_loop(), threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        going_on.wait(DEADLINE)
        return "in vain"

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        future = loop.run_in_executor(threads, work)
        await loop.run_in_executor(None, begun.wait, DEADLINE)
        future.cancel()
        going_on.set()
        await loop.run_in_executor(threads, int)  # behind it
        return future.cancelled()


async def an_executor_that_is_shut_down() -> Any:
    threads = concurrent.futures.ThreadPoolExecutor(1)
    threads.shutdown()
    return await asyncio.get_running_loop().run_in_executor(threads, int)


async def an_executor_that_cancels_what_waits() -> Any:
    loop, going_on = asyncio.get_running_loop(), threading.Event()
    threads = concurrent.futures.ThreadPoolExecutor(1)
    first = loop.run_in_executor(threads, going_on.wait, DEADLINE)
    second = loop.run_in_executor(threads, int)
    threads.shutdown(wait=False, cancel_futures=True)
    going_on.set()
    return await asyncio.gather(first, second, return_exceptions=True)


class Immediately(concurrent.futures.Executor):
    """Hands out futures of a class of its own, done already."""

    class Done(concurrent.futures.Future[Any]):
        pass

    def submit(self, call: Any, /, *args: Any, **options: Any) -> concurrent.futures.Future[Any]:
        done = self.Done()
        done.set_result(call(*args, **options))
        return done


async def an_executor_with_futures_of_its_own() -> Any:
    return await asyncio.get_running_loop().run_in_executor(Immediately(), divmod, 7, 2)


async def after_the_default_executor_was_shut_down() -> Any:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int)
    await loop.shutdown_default_executor()
    return await loop.run_in_executor(None, int)


SCENARIOS: dict[str, Callable[[], Awaitable[Any]]] = {
    "a result": a_result,
    "an exception": an_exception,
    "concurrent.futures.CancelledError": raising(concurrent.futures.CancelledError("its own")),
    "asyncio.CancelledError": raising(asyncio.CancelledError("its own")),
    "InvalidStateError": raising(concurrent.futures.InvalidStateError("its own")),
    "an executor of the caller's": an_executor_of_the_callers,
    "cancelled before it begins": work_that_is_cancelled_before_it_begins,
    "cancelled while it goes on": work_that_is_cancelled_while_it_goes_on,
    "an executor that is shut down": an_executor_that_is_shut_down,
    "an executor that cancels what waits": an_executor_that_cancels_what_waits,
    "futures of its own": an_executor_with_futures_of_its_own,
    "after the default one was shut down": after_the_default_executor_was_shut_down,
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_work_ends_as_on_asyncios_loop(scenario: Callable[[], Awaitable[Any]]) -> None:
    def outcome(kind: type[asyncio.AbstractEventLoop]) -> str:
        async def main() -> str:
            try:
                return repr(await asyncio.wait_for(scenario(), DEADLINE))
            except BaseException as error:
                return f"raised {error!r}"

        return str(run(main, factory=kind))

    assert outcome(EventLoop) == outcome(asyncio.SelectorEventLoop)


def test_work_that_outlives_its_loop_ends_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    going_on = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        with a_loop() as loop:
            loop.run_in_executor(threads, going_on.wait, DEADLINE)
        going_on.set()
    assert capfd.readouterr().err == ""


def test_what_has_been_done_is_garbage_at_once() -> None:
    class Result:
        pass

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, int)
        gc.disable()
        try:
            alive = weakref.ref(await loop.run_in_executor(None, Result))
            await loop.run_in_executor(None, int)  # the thread has let go of it
            return alive() is None
        finally:
            gc.enable()

    assert run(main)


def test_a_thread_gets_its_turn_beside_a_loop_that_never_waits() -> None:
    async def main() -> float:
        loop, busy = asyncio.get_running_loop(), True

        def burn() -> None:
            until = loop.time() + 50e-6
            while loop.time() < until:
                pass
            if busy:
                loop.call_soon(burn)

        await loop.run_in_executor(None, int)
        loop.call_soon(burn)
        begun = loop.time()
        for _ in range(100):
            await loop.run_in_executor(None, int)
        busy = False
        return loop.time() - begun

    # 0.1 s; 18 s where a thread on another core finds the GIL taken each time it has woken up.
    assert run(main) < 5
