"""What the client programs share: run a coroutine on a loop and leave nothing behind."""

import asyncio
import faulthandler
import gc
import importlib
import ssl
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


def run(main: Callable[..., Coroutine[Any, Any, None]], limit_s: float = 40.0) -> None:
    """Run `main(*rest)` for ``program.py MODULE:FACTORY *rest``; exit with 0 if nothing went wrong.

    Wrong are also a call of the loop's exception handler, a task left over, an unclosed resource. A
    loop too broken to time itself out is ended from outside, with a traceback.
    """
    faulthandler.dump_traceback_later(limit_s + 5, exit=True)
    module, _, name = sys.argv[1].partition(":")
    factory = getattr(importlib.import_module(module), name)
    complaints: list[str] = []
    warnings.simplefilter("always", ResourceWarning)
    warnings.showwarning = lambda message, *_: complaints.append(str(message))
    sys.unraisablehook = lambda raised: complaints.append(repr(raised.exc_value))

    async def guarded() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(str(context)))
        await asyncio.wait_for(main(*sys.argv[2:]), limit_s)
        await asyncio.sleep(0.05)  # time for what is closed late
        left = asyncio.all_tasks() - {asyncio.current_task()}
        complaints.extend(f"left over: {task}" for task in left)
        print(f"on {type(loop).__module__}.{type(loop).__name__}")

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(guarded())
    gc.collect()
    sys.exit("\n".join(complaints) or 0)


def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts for a server and a client that trust each other, for localhost and 127.0.0.1."""
    import trustme

    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client


async def raises(
    kind: type[BaseException], awaitable: Awaitable[object], within_s: float = 5.0
) -> Any:
    """The `kind` of exception that `awaitable` has to raise in less than `within_s` seconds."""
    began = asyncio.get_running_loop().time()
    try:
        await awaitable
    except kind as error:
        assert asyncio.get_running_loop().time() - began < within_s, f"{kind} came late"
        return error
    raise AssertionError(f"{kind} was not raised")


async def cancelled(awaitable: Awaitable[object], after_s: float = 0.1) -> None:
    """Start `awaitable` as a task, cancel it after `after_s` seconds: it has to end so."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(after_s)
    assert not task.done()
    task.cancel()
    await raises(asyncio.CancelledError, task)
