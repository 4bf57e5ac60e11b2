"""A server on asyncio's own loop with the fake core: made, served and stopped by a test."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

from fake_core import FakeHttpServer

from fasterapi_asgi import Config, Server

DEADLINE = 10  # seconds
PID = os.getpid()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "lifespan"
    for phase in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{phase}"
        await send({"type": f"lifespan.{phase}.complete"})


def make(application: Any = app, *, kind: type[Server] = Server, **options: Any) -> Server:
    return kind(Config(application, port=options.pop("port", 0), log_config=None, **options))


def core_of(server: Server) -> FakeHttpServer:
    core: Any = server._core
    assert core is not None
    return core  # type: ignore[no-any-return]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.001)


def serve(server: Server, meanwhile: Callable[[], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    """Serve until ``meanwhile`` has ended and has told the server to exit; return its result."""

    async def main() -> Any:
        serving = asyncio.create_task(server.serve(**options))
        await until(lambda: server.started or serving.done())
        result = await meanwhile()
        await asyncio.wait_for(serving, DEADLINE)
        return result

    return asyncio.run(main())


def stop(server: Server) -> Callable[[], Coroutine[Any, Any, None]]:
    async def meanwhile() -> None:
        server.should_exit = True

    return meanwhile


STARTING = [
    f"Started server process [{PID}]",
    "Waiting for application startup.",
    "Application startup complete.",
]
ENDING = [
    "Waiting for application shutdown.",
    "Application shutdown complete.",
    f"Finished server process [{PID}]",
]
