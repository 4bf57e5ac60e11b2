"""fasterapi_asgi.EventLoop: run, stop, close, and what is refused, with asyncio's own words."""

import asyncio
import contextvars
import gc
import weakref
from typing import Any

import pytest
from loop_runner import a_loop, collect_errors, must_print, nothing_left, run, turn

import fasterapi_asgi
from fasterapi_asgi import EventLoop, new_event_loop


async def give(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


def test_run_until_complete_returns_the_result_or_raises() -> None:
    async def fail() -> None:
        raise LookupError("mine")

    with a_loop() as loop:
        assert loop.run_until_complete(give(42)) == 42
        with pytest.raises(LookupError, match="mine"):
            loop.run_until_complete(fail())


def test_a_stop_before_the_run_lets_one_turn_happen() -> None:
    with a_loop() as loop:
        ran: list[int] = []
        loop.call_soon(ran.append, 1)
        loop.stop()
        loop.run_forever()
        assert ran == [1]


def test_stop_ends_the_run_after_the_turn_in_which_it_was_called() -> None:
    with a_loop() as loop:
        ran: list[int] = []
        loop.call_soon(loop.stop)
        loop.call_soon(ran.append, 1)
        loop.call_soon(lambda: loop.call_soon(ran.append, 2))
        loop.run_forever()
        assert ran == [1]
        turn(loop)
        assert ran == [1, 2]


def test_a_run_that_is_stopped_before_its_future_is_an_error() -> None:
    with a_loop() as loop:
        loop.call_soon(loop.stop)
        future = loop.create_future()
        with pytest.raises(RuntimeError, match=r"^Event loop stopped before Future completed\.$"):
            loop.run_until_complete(future)


def test_a_nested_run_is_refused() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match=r"^This event loop is already running$"):
            loop.run_until_complete(loop.create_future())
        other = new_event_loop()
        with pytest.raises(
            RuntimeError, match=r"^Cannot run the event loop while another loop is running$"
        ):
            other.run_until_complete(other.create_future())
        other.close()
        assert asyncio.get_running_loop() is loop

    run(main)


def test_a_running_loop_cannot_be_closed() -> None:
    async def main() -> str:
        with pytest.raises(RuntimeError, match=r"^Cannot close a running event loop$"):
            asyncio.get_running_loop().close()
        return str(await give("still running"))

    assert run(main) == "still running"


def test_a_loop_may_be_closed_twice() -> None:
    with nothing_left():
        loop = new_event_loop()
        loop.close()
        loop.close()
        assert loop.is_closed() and not loop.is_running()
    with nothing_left():
        del loop


@pytest.mark.parametrize(
    "call",
    [
        lambda loop: loop.call_soon(print),
        lambda loop: loop.call_soon_threadsafe(print),
        lambda loop: loop.call_later(1, print),
        lambda loop: loop.call_at(1, print),
        lambda loop: loop.run_forever(),
        lambda loop: loop.run_until_complete(loop.create_future()),
        lambda loop: loop.run_in_executor(None, print),
        lambda loop: loop._run_once(),
    ],
)
def test_a_closed_loop_refuses_with_asyncios_text(call: Any) -> None:
    loop = new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        call(loop)


def test_a_loop_that_was_closed_holds_no_callbacks_any_more() -> None:
    class Token:
        pass

    loop, token = new_event_loop(), Token()
    gone = weakref.ref(token)
    loop.call_soon(print, token)
    loop.call_later(1000, print, token)
    loop.close()
    del token
    assert gone() is None


def test_a_forgotten_loop_with_pending_tasks_is_collected() -> None:
    with nothing_left():
        loop = new_event_loop()
        collect_errors(loop)  # "Task was destroyed but it is pending!"
        task = loop.create_task(asyncio.Event().wait())
        loop.call_later(1000, print, loop)
        loop.call_soon(print, loop)
        turn(loop)
        gone = weakref.ref(loop)
        del loop, task
        with pytest.warns(ResourceWarning, match="unclosed event loop"):
            gc.collect()
        assert gone() is None


def test_a_loop_that_ends_with_the_interpreter_is_no_harm() -> None:
    must_print(
        """
import asyncio, warnings
from fasterapi_asgi import new_event_loop
warnings.simplefilter("ignore")
loop = new_event_loop()
loop.set_exception_handler(lambda *_: None)
task = loop.create_task(asyncio.sleep(1000))
loop.call_soon(loop.stop)
loop.run_forever()
loop.call_soon(print, loop)
print("end")
""",
        "end\n",
    )


def test_asyncio_runner_takes_the_factory() -> None:
    with nothing_left():
        variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")

        async def set_it() -> None:
            variable.set(1)

        async def get_it() -> int:
            return variable.get()

        with asyncio.Runner(loop_factory=fasterapi_asgi.new_event_loop) as runner:
            assert type(runner.get_loop()) is EventLoop
            runner.run(set_it())
            assert runner.run(get_it()) == 1  # all runs share one context


def test_the_running_loop_and_its_state_are_told_truly() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert loop.is_running() and not loop.is_closed()
        assert isinstance(loop, asyncio.SelectorEventLoop)

    run(main)
    with a_loop() as loop:
        assert not loop.is_running() and not loop.is_closed()


def test_asynchronous_generators_are_closed_at_the_end() -> None:
    closed: list[str] = []
    unfinished_ones: list[Any] = []

    async def generator() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    async def main() -> None:
        unfinished = generator()
        assert await anext(unfinished) == 1
        unfinished_ones.append(unfinished)

    run(main)
    assert closed == ["closed"]


def test_a_task_factory_and_eager_tasks_work() -> None:
    eager = getattr(asyncio, "eager_task_factory", None)  # Python 3.12 and later
    ran: list[str] = []

    async def step(name: str) -> str:
        ran.append(name)
        await asyncio.sleep(0)
        return name

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        made: list[asyncio.Task[Any]] = []

        def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
            make = eager or (lambda loop, coro, **kw: asyncio.Task(coro, loop=loop, **kw))
            made.append(make(loop, coroutine, **options))
            return made[-1]

        loop.set_task_factory(factory)
        tasks = [asyncio.create_task(step(name)) for name in ("a", "b")]
        assert ran == (["a", "b"] if eager else [])
        result = await asyncio.gather(*tasks)
        assert made == tasks
        return result

    assert run(main) == ["a", "b"]


def test_no_descriptors_left_is_an_os_error() -> None:
    must_print(
        """
import gc, resource, sys, warnings
from fasterapi_asgi import new_event_loop
warnings.simplefilter("ignore")
new_event_loop().close()  # libuv itself gives up when it cannot make its pipe for signals
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
sys.unraisablehook = lambda _: None  # asyncio's own __del__ of a loop that was not made
for limit in range(3, 40):
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        new_event_loop().close()
    except OSError:
        gc.collect()
        continue
    print("made with enough")
    break
""",
        "made with enough\n",
    )
