"""fasterapi_asgi.EventLoop: callbacks run in order, once, in their context, and may fail."""

import asyncio
import contextvars
import gc
import logging
import weakref
from typing import Any

import pytest
from loop_runner import a_loop, collect_errors, run, turn

from fasterapi_asgi import EventLoop

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_callbacks_run_in_the_order_of_call_soon() -> None:
    with a_loop() as loop:
        ran: list[int] = []
        for number in range(1000):  # more than the ring's first size, so that it grows
            loop.call_soon(ran.append, number)
        turn(loop)
        assert ran == list(range(1000))


def test_the_ring_keeps_the_order_while_it_wraps_around() -> None:
    with a_loop() as loop:
        ran: list[int] = []
        for round_ in range(0, 1000, 50):
            for number in range(round_, round_ + 50):
                loop.call_soon(ran.append, number)
            turn(loop)
        assert ran == list(range(1000))


def test_a_turn_runs_only_the_callbacks_that_were_there_at_its_begin() -> None:
    with a_loop() as loop:
        turns: list[int] = []

        def again(number: int) -> None:
            turns.append(number)
            loop.call_soon(again, number + 1)

        loop.call_soon(again, 1)
        turn(loop)
        assert turns == [1]
        turn(loop, 2)
        assert turns == [1, 2, 3]


def test_a_callback_of_a_cancelled_handle_does_not_run() -> None:
    with a_loop() as loop:
        ran: list[str] = []
        handle = loop.call_soon(ran.append, "cancelled")
        loop.call_soon(ran.append, "kept")
        handle.cancel()
        turn(loop)
        assert handle.cancelled() and ran == ["kept"]


def test_a_callback_may_cancel_the_one_behind_it() -> None:
    with a_loop() as loop:
        ran: list[str] = []
        handles: list[asyncio.Handle] = []
        loop.call_soon(lambda: handles[0].cancel())  # noqa: PLW0108 (not there yet)
        handles.append(loop.call_soon(ran.append, "cancelled"))
        turn(loop)
        assert ran == []


def test_handles_are_asyncios_in_everything_that_can_be_asked() -> None:
    with a_loop() as loop:
        assert isinstance(loop.call_soon(print), asyncio.Handle)
        timer = loop.call_at(1000, print)
        assert isinstance(timer, asyncio.TimerHandle) and timer.when() == 1000
        assert timer < loop.call_at(1001, print) and hash(timer) == hash(1000.0)
        assert repr(timer).startswith("<TimerHandle when=1000.0 print(")
        assert weakref.ref(timer)() is timer
        handle = loop.call_soon(print, 1, 2)
        assert (handle._callback, handle._args) == (print, (1, 2))  # type: ignore[attr-defined]
        assert repr(handle).startswith("<Handle print(")
        handle.cancel()
        loop._ready.clear()  # type: ignore[attr-defined]


def test_a_callback_runs_in_a_copy_of_the_context_of_its_caller() -> None:
    with a_loop() as loop:
        seen: list[str] = []

        def look() -> None:
            seen.append(VARIABLE.get())
            VARIABLE.set("of the callback")

        token = VARIABLE.set("of the caller")
        loop.call_soon(look)
        loop.call_soon(look)
        VARIABLE.reset(token)
        turn(loop)
        assert seen == ["of the caller", "of the caller"]
        assert VARIABLE.get() == "unset"


def test_a_callback_that_sets_a_variable_changes_it_for_none_that_was_scheduled_beside_it() -> None:
    with a_loop() as loop:
        seen: list[str] = []
        loop.call_soon(VARIABLE.set, "by the first")
        timer = loop.call_later(0, lambda: seen.append(VARIABLE.get("unset")))
        first, second = (loop.call_soon(lambda: seen.append(VARIABLE.get("unset"))) for _ in "12")
        first._context.run(VARIABLE.set, "from outside")
        assert first._context is first._context
        assert second._context.get(VARIABLE, "unset") == "unset"
        assert timer._context is not second._context
        turn(loop, 2)
        assert seen == ["from outside", "unset", "unset"]


def test_handles_scheduled_before_and_after_a_variable_was_set_see_their_own_value() -> None:
    with a_loop() as loop:
        seen: list[str] = []
        for value in ("first", "second", "second", "first"):
            token = VARIABLE.set(value)
            loop.call_soon(lambda: seen.append(VARIABLE.get()))
            VARIABLE.reset(token)
        turn(loop)
        assert seen == ["first", "second", "second", "first"]


def test_a_variable_lives_no_longer_than_the_callbacks_scheduled_with_it() -> None:
    class Value:
        pass

    variable: contextvars.ContextVar[Value] = contextvars.ContextVar("variable")
    with a_loop() as loop:
        value = Value()
        alive = weakref.ref(value)
        context = contextvars.copy_context()
        context.run(variable.set, value)
        context.run(loop.call_soon, lambda: None)
        del value, context
        assert alive()
        turn(loop, 2)
        assert alive() is None


def test_a_handle_is_as_new_where_one_that_is_gone_was() -> None:
    with a_loop() as loop:
        for _ in range(3):
            loop.call_soon(print).cancel()
            loop.call_later(1000, print).cancel()
            turn(loop)
            handle, timer = loop.call_soon(lambda: None), loop.call_later(1000, print)
            assert not handle.cancelled() and not timer.cancelled()
            assert "cancelled" not in repr(handle) + repr(timer)
            turn(loop)
            timer.cancel()


def test_a_cycle_through_a_handle_is_collected() -> None:
    class Callback:
        handle: asyncio.Handle

        def __call__(self) -> None:
            pass

    with a_loop() as loop:
        callback = Callback()
        callback.handle = loop.call_soon(callback)
        alive = weakref.ref(callback)
        turn(loop)
        del callback
        gc.collect()
        assert alive() is None


def test_a_callback_runs_in_the_context_that_it_was_given() -> None:
    with a_loop() as loop:
        context = contextvars.copy_context()
        loop.call_soon(VARIABLE.set, "first", context=context)
        loop.call_soon(lambda: context.run(lambda: None))  # it is left again after each callback
        loop.call_later(0, VARIABLE.set, "later", context=context)
        turn(loop, 2)
        assert context[VARIABLE] == "later"


def test_a_context_that_is_entered_already_is_the_callbacks_error_not_the_loops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with a_loop() as loop, caplog.at_level(logging.ERROR, "asyncio"):
        context = contextvars.copy_context()
        loop.call_soon(print, context=context)
        context.run(turn, loop)
    (record,) = caplog.records
    assert record.exc_info is not None and "cannot enter context" in str(record.exc_info[1])


@pytest.mark.parametrize("debug", [False, True])
def test_a_failing_callback_goes_to_the_exception_handler_and_the_others_run(debug: bool) -> None:
    with a_loop() as loop:
        loop.set_debug(debug)
        errors = collect_errors(loop)
        ran: list[str] = []
        failing = loop.call_soon(int, "no number")
        loop.call_soon(ran.append, "next")
        turn(loop)
        (error,) = errors
        assert error["message"].startswith("Exception in callback int(")
        assert isinstance(error["exception"], ValueError)
        assert error["handle"] is failing
        assert ran == ["next"]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_an_exit_leaves_run_forever_and_the_loop_goes_on_afterwards(
    kind: type[BaseException],
) -> None:
    def leave() -> None:
        raise kind("now")

    with a_loop() as loop:
        ran: list[str] = []
        loop.call_soon(leave)
        loop.call_soon(ran.append, "next")
        with pytest.raises(kind, match="now"):
            loop.run_forever()
        assert not loop.is_running()
        turn(loop)
        assert ran == ["next"]


def test_a_handle_that_others_made_runs() -> None:
    class Own(asyncio.Handle):
        def _run(self) -> None:
            ran.append("own")

    with a_loop() as loop:
        ran: list[str] = []
        strange: Any = loop
        strange._add_callback(asyncio.Handle(ran.append, ("plain",), loop))
        strange._add_callback(asyncio.Handle(ran.append, ["a list as arguments"], loop))
        strange._add_callback(Own(print, (), loop))
        cancelled = asyncio.Handle(ran.append, ("cancelled",), loop)
        cancelled.cancel()
        strange._add_callback(cancelled)
        turn(loop)
        assert ran == ["plain", "a list as arguments", "own"]


def test_a_run_loop_of_others_is_told_that_it_cannot_replace_ours() -> None:
    class Patched(EventLoop):
        """As nest_asyncio does it, but to the class itself."""

        def run_until_complete(self, future: Any) -> Any:
            task = asyncio.ensure_future(future, loop=self)
            strange: Any = self
            while strange._ready and not task.done():
                strange._ready.popleft()._run()

    loop = Patched()
    with pytest.raises(RuntimeError, match="nest_asyncio"):
        loop.run_until_complete(asyncio.sleep(0))
    EventLoop.run_until_complete(loop, asyncio.sleep(0))
    loop.close()


@pytest.mark.parametrize(
    ("method", "arguments", "keywords"),
    [
        ("call_soon", (), {}),
        ("call_soon", (print,), {"colour": 1}),
        ("call_soon", (print,), {"context": 1}),
        ("call_soon_threadsafe", (), {}),
        ("call_later", (1,), {}),
        ("call_later", (None, print), {}),
        ("call_at", (None, print), {}),
        ("call_at", ("now", print), {}),
    ],
)
def test_wrong_arguments_are_a_type_error(
    method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    with a_loop() as loop, pytest.raises(TypeError):
        getattr(loop, method)(*arguments, **keywords)


def test_a_subclass_may_take_part_in_every_call() -> None:
    class Counting(EventLoop):
        calls = 0

        def call_soon(self, *args: Any, **keywords: Any) -> asyncio.Handle:
            self.calls += 1
            return super().call_soon(*args, **keywords)

    async def main() -> None:
        await asyncio.sleep(0)

    loop = Counting()
    loop.run_until_complete(main())
    loop.close()
    assert loop.calls >= 2  # the task's two steps come through asyncio's C code


def test_a_create_task_that_replaced_asyncios_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    original = asyncio.BaseEventLoop.create_task
    seen: list[Any] = []

    def create_task(loop: Any, coroutine: Any, **options: Any) -> Any:
        seen.append(options)
        return original(loop, coroutine, **options)

    async def main() -> tuple[Any, ...]:
        loop = asyncio.get_running_loop()
        before = loop.create_task(asyncio.sleep(0, 1))
        monkeypatch.setattr(asyncio.BaseEventLoop, "create_task", create_task)
        during = loop.create_task(asyncio.sleep(0, 2), name="during")
        monkeypatch.undo()
        after = loop.create_task(asyncio.sleep(0, 3), context=contextvars.copy_context())
        return await before, await during, await after

    assert run(main) == (1, 2, 3)
    assert seen == [{"name": "during"}]


def test_a_task_class_that_replaced_asyncios_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Replacement(asyncio.Task[Any]):
        pass

    async def main() -> tuple[Any, ...]:
        loop = asyncio.get_running_loop()
        before = loop.create_task(asyncio.sleep(0))
        monkeypatch.setattr(asyncio.tasks, "Task", Replacement)
        during = loop.create_task(asyncio.sleep(0), name="during")
        monkeypatch.undo()
        after = loop.create_task(asyncio.sleep(0))
        await asyncio.gather(before, during, after)
        return type(before), type(during), type(after)

    assert run(main) == (asyncio.Task, Replacement, asyncio.Task)


def test_a_task_factory_is_asked_until_it_is_taken_away() -> None:
    made: list[Any] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        assert loop.get_task_factory() is factory
        first = loop.create_task(asyncio.sleep(0))
        loop.set_task_factory(None)
        second = loop.create_task(asyncio.sleep(0))
        await asyncio.gather(first, second)
        return first

    assert run(main).get_coro() is made[0] and len(made) == 1
