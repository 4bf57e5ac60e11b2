"""The compiled module in a second interpreter: it works there, or says clearly that it does not."""

import sys

import pytest
from loop_runner import must_print

PROGRAM = """
try:
    import _interpreters as interpreters  # Python 3.13 and later
except ImportError:
    import _xxsubinterpreters as interpreters
import asyncio
SECOND = '''
try:
    from fasterapi_asgi import _core
except ImportError as error:
    assert "interpreter" in str(error), error
else:
    import asyncio
    from fasterapi_asgi import new_event_loop
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(0.001, future.set_result, 42)
        loop.call_soon_threadsafe(lambda: None)
        return await future
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(main()) == 42
    %s
'''
def create():
    if %r == "legacy":
        try:
            return interpreters.create("legacy")
        except TypeError:
            return interpreters.create(isolated=False)
    return interpreters.create()
def run_second():
    number = create()
    failed = interpreters.run_string(number, SECOND)
    assert failed is None, failed
    interpreters.destroy(number)
def use_main():
    from fasterapi_asgi import _core, new_event_loop
    async def main():
        server = _core.HttpServer(
            loop=asyncio.get_running_loop(), app=1, run_asgi=1, logger=1, state={})
        server.close()
        await asyncio.sleep(0.001)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
%s
print("end")
"""
LEAVE = "loop = new_event_loop(); loop.call_soon(print); loop.call_later(9, print, loop)"


@pytest.mark.parametrize("config", ["default", "legacy"])
@pytest.mark.parametrize(
    "order",
    [
        "use_main(); run_second(); use_main()",
        "run_second(); use_main()",
        "run_second(); run_second(); use_main(); run_second()",
    ],
)
@pytest.mark.parametrize("leave", ["pass", LEAVE], ids=["closed", "open"])
def test_a_second_interpreter_does_no_harm(config: str, order: str, leave: str) -> None:
    if config == "default" and sys.version_info[:2] == (3, 12):
        pytest.skip("Python 3.12 itself dies after an import of click in an interpreter of its own")
    must_print(PROGRAM % (leave, config, order), "end\n")
