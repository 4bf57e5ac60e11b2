"""fasterapi_asgi.EventLoop in asyncio's debug mode."""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from loop_runner import a_loop, collect_errors, run, turn

from fasterapi_asgi import new_event_loop


def test_a_slow_callback_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    def slow() -> None:
        time.sleep(0.002)

    with a_loop() as loop, caplog.at_level(logging.WARNING, "asyncio"):
        loop.set_debug(True)
        loop.slow_callback_duration = 0.001
        loop.call_soon(slow)
        turn(loop)
    text = caplog.messages[0]
    assert text.startswith("Executing <Handle ") and "slow()" in text and text.endswith("seconds")


@pytest.mark.parametrize("kind", ["handle", "timer", "task"])
def test_the_text_of_the_warning_is_asyncios(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    def slow() -> None:
        time.sleep(0.002)

    async def step() -> None:
        slow()

    def warning_of(factory: Callable[[], asyncio.AbstractEventLoop]) -> str:
        caplog.clear()
        loop = factory()
        loop.set_debug(True)
        loop.slow_callback_duration = 0.001
        if kind == "task":
            loop.run_until_complete(step())
        else:
            loop.call_soon(slow) if kind == "handle" else loop.call_later(0, slow)
            loop.call_later(0.01, loop.stop)
            loop.run_forever()
        loop.close()
        texts = [text for text in caplog.messages if text.startswith("Executing")]
        return re.sub(r"0x\w+|[\d.]+|Task-\d+", "N", texts[0])

    with caplog.at_level(logging.WARNING, "asyncio"):
        assert warning_of(new_event_loop) == warning_of(asyncio.SelectorEventLoop)


def test_a_slow_step_of_a_task_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.001
        time.sleep(0.002)  # noqa: ASYNC251 (the step is meant to be slow)

    with caplog.at_level(logging.WARNING, "asyncio"):
        run(main, debug=True)
    assert any("Executing <Task" in text for text in caplog.messages)


def test_nothing_is_measured_without_debug(caplog: pytest.LogCaptureFixture) -> None:
    with a_loop() as loop, caplog.at_level(logging.WARNING, "asyncio"):
        loop.set_debug(False)
        loop.slow_callback_duration = 0
        loop.call_soon(time.sleep, 0.001)
        turn(loop)
    assert caplog.messages == []


@pytest.mark.parametrize(
    "call",
    [
        lambda loop: loop.call_soon(print),
        lambda loop: loop.call_later(1000, print),
        lambda loop: loop.call_at(1000, print),
    ],
)
def test_a_call_from_another_thread_is_refused(call: Any) -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError) as caught:
            await asyncio.to_thread(call, loop)
        return str(caught.value)

    expected = "Non-thread-safe operation invoked on an event loop other than the current one"
    assert run(main, debug=True) == expected


def test_call_soon_threadsafe_is_allowed_from_another_thread() -> None:
    with a_loop() as loop:
        loop.set_debug(True)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
        loop.call_soon(thread.start)
        loop.run_forever()
        thread.join()


@pytest.mark.parametrize("method", ["call_soon", "call_soon_threadsafe"])
def test_a_coroutine_is_no_callback(method: str) -> None:
    async def coroutine() -> None:
        pass

    with a_loop() as loop:
        loop.set_debug(True)
        with pytest.raises(TypeError, match="coroutines cannot be used"):
            getattr(loop, method)(coroutine)
        with pytest.raises(TypeError, match="a callable object was expected"):
            getattr(loop, method)(42)


def test_an_error_tells_where_its_callback_was_scheduled() -> None:
    with a_loop() as loop:
        loop.set_debug(True)
        errors = collect_errors(loop)
        loop.call_soon(int, "no number")
        loop.call_later(0, int, "no number")
        loop.call_soon_threadsafe(int, "no number")
        turn(loop, 2)
        assert len(errors) == 3
        for error in errors:
            frame = error["source_traceback"][-1]
            assert (frame.filename, frame.name) == (
                __file__,
                "test_an_error_tells_where_its_callback_was_scheduled",
            )


def test_debug_may_be_turned_on_and_off_while_the_loop_runs() -> None:
    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        seen = []
        for debug in (True, False, True):
            loop.set_debug(debug)
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            seen.append(loop.get_debug())
        loop.set_debug(False)
        return seen

    assert run(main) == [True, False, True]


def test_the_environment_turns_debug_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    with a_loop() as loop:
        assert loop.get_debug()
