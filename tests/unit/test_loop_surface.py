"""fasterapi_asgi.EventLoop does all that asyncio.AbstractEventLoop asks of a loop."""

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import Any

import loop_exercises
import pytest
from loop_runner import DEADLINE, nothing_left, python

from fasterapi_asgi import EventLoop, new_event_loop

METHODS = [
    name
    for name, member in vars(asyncio.AbstractEventLoop).items()
    if callable(member) and not name.startswith("_")
]


def parameters_of(method: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(method).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]


@pytest.mark.parametrize("factory", [new_event_loop, asyncio.SelectorEventLoop])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_an_event_loop_works(
    method: str, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    exercise = loop_exercises.exercise_of(method)
    assert exercise, f"no exercise calls {method}()"
    assert f"loop.{method}" in inspect.getsource(exercise)
    with nothing_left():
        loop = factory()
        errors: list[Any] = []
        loop.set_exception_handler(lambda _, context: errors.append(context))
        try:
            if inspect.iscoroutinefunction(exercise):
                loop.run_until_complete(asyncio.wait_for(exercise(loop), DEADLINE))
                loop.run_until_complete(loop.shutdown_default_executor())
            else:
                exercise(loop)
        finally:
            loop.close()
    assert errors == []


@pytest.mark.parametrize("method", METHODS)
def test_no_method_is_left_to_the_abstract_class(method: str) -> None:
    assert getattr(EventLoop, method) is not getattr(asyncio.AbstractEventLoop, method)


def test_the_loop_takes_what_asyncios_own_takes() -> None:
    for name, method in inspect.getmembers(asyncio.SelectorEventLoop, inspect.isfunction):
        own = inspect.getattr_static(EventLoop, name)
        if not name.startswith("_") and inspect.isfunction(own):
            assert parameters_of(own) == parameters_of(method), name


def test_neither_importing_nor_using_the_loop_changes_the_event_loop_policy() -> None:
    ended = python(
        """
import asyncio, warnings
warnings.simplefilter("error")
import fasterapi_asgi
from fasterapi_asgi import EventLoop, new_event_loop
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(asyncio.sleep(0))
loop = new_event_loop()
loop.run_until_complete(asyncio.sleep(0))
loop.close()
warnings.simplefilter("ignore")
other = asyncio.new_event_loop()
assert not isinstance(other, EventLoop), other
other.close()
print(type(asyncio.get_event_loop_policy()).__module__)
asyncio.run(asyncio.sleep(0))
try:
    asyncio.get_event_loop()
except RuntimeError as error:
    print("no current event loop" in str(error))
"""
    )
    assert ended.stdout.splitlines()[:2] == ["asyncio.unix_events", "True"], ended.stdout


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.run() takes a factory from 3.12 on")
def test_asyncio_run_takes_the_factory() -> None:
    async def main() -> type:
        return type(asyncio.get_running_loop())

    run: Any = asyncio.run
    with nothing_left():
        assert run(main(), loop_factory=new_event_loop) is EventLoop
        assert run(main(), loop_factory=EventLoop, debug=True) is EventLoop
