"""The measured applications, the same file for every server.

`raw` is one plain ASGI callable that chooses by path, so the server is nearly all of the cost.
`fast` is a FastAPI application, built on first use so that `raw` does not import FastAPI.
`counted` is `raw` with a counter, for checking the load generator; it is never measured.
`busy` computes for as long as it is asked to, for benchmarks/saturated.py.
`soaked` is `raw` that also tells what is alive in its process.
`sized` answers `/N` with N bytes, the same object each time.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HELLO = b"Hello, world!"
TEN_KIB = b"x" * 10240
CHUNK = b"c" * 1024
CHUNKS = 100


def _start(*headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


TEXT = (b"content-type", b"text/plain")
HELLO_START = _start(TEXT, (b"content-length", b"13"))
HELLO_BODY = {"type": "http.response.body", "body": HELLO}
TEN_KIB_START = _start(TEXT, (b"content-length", b"10240"))
TEN_KIB_BODY = {"type": "http.response.body", "body": TEN_KIB}
STREAM_START = _start(TEXT)
STREAM_CHUNK = {"type": "http.response.body", "body": CHUNK, "more_body": True}
STREAM_END = {"type": "http.response.body", "body": b""}


async def raw(scope: Message, receive: Receive, send: Send) -> None:
    """Answer `/`, `/10k`, `/echo` and `/stream`; the plain ASGI cases."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    path = scope["path"]
    if path == "/":
        await send(HELLO_START)
        await send(HELLO_BODY)
    elif path == "/10k":
        await send(TEN_KIB_START)
        await send(TEN_KIB_BODY)
    elif path == "/echo":
        await _echo(receive, send)
    else:
        await _stream(send)


async def busy(scope: Message, receive: Receive, send: Send) -> None:
    """Compute in `/busy/<microseconds>` for so long, then answer; anything else at once."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["path"].startswith("/busy/"):
        until = time.perf_counter() + int(scope["path"].removeprefix("/busy/")) / 1_000_000
        while time.perf_counter() < until:
            pass
    await send(HELLO_START)
    await send(HELLO_BODY)


async def _echo(receive: Receive, send: Send) -> None:
    """Read the whole body, then answer with it."""
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(pieces)
    await send(_start(TEXT, (b"content-length", b"%d" % len(body))))
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Send) -> None:
    """Answer with 100 sends of 1 KiB and no length."""
    await send(STREAM_START)
    for _ in range(CHUNKS):
        await send(STREAM_CHUNK)
    await send(STREAM_END)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Complete start-up and shutdown at once."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


_answered: list[int] = [0]


async def counted(scope: Message, receive: Receive, send: Send) -> None:
    """As `raw`, counting requests; `/count` answers how many others there were."""
    if scope["type"] != "lifespan" and scope["path"] == "/count":
        body = b"%d" % _answered[0]
        await send(_start(TEXT, (b"content-length", b"%d" % len(body))))
        await send({"type": "http.response.body", "body": body})
        return
    await raw(scope, receive, send)
    if scope["type"] != "lifespan":
        _answered[0] += 1


async def soaked(scope: Message, receive: Receive, send: Send) -> None:
    """As `raw`; `/live` answers with numbers of what is alive: tasks, objects of Python and C++."""
    if scope["type"] == "lifespan" or scope["path"] != "/live":
        await raw(scope, receive, send)
        return
    gc.collect()
    live = {"tasks": len(asyncio.all_tasks()), "tracked by gc": len(gc.get_objects())}
    if "fasterapi_asgi" in sys.modules:
        from fasterapi_asgi import _core

        live |= _core.live_objects()
    body = json.dumps(live).encode()
    await send(_start(TEXT, (b"content-length", b"%d" % len(body))))
    await send({"type": "http.response.body", "body": body})


_sized: dict[str, tuple[Message, Message]] = {}


async def sized(scope: Message, receive: Receive, send: Send) -> None:
    """Answer `/N` with N bytes."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    path = scope["path"]
    if path not in _sized:
        length = path[1:].encode()
        body = {"type": "http.response.body", "body": b"x" * int(length)}
        _sized[path] = _start(TEXT, (b"content-length", length)), body
    start, body = _sized[path]
    await send(start)
    await send(body)


def _build_fast() -> Any:
    """Make the FastAPI application; one route per case."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Item(BaseModel):
        id: int
        name: str
        price: float
        tags: list[str] = []

    app = FastAPI()

    # response_model=None is what a route without a return annotation has.
    @app.get("/dict", response_model=None)
    async def plain_dict() -> dict[str, str]:
        return {"message": "Hello, world!"}

    @app.get("/heartbeat", response_model=None)
    async def heartbeat() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/items/{item_id}", response_model=Item)
    async def item(item_id: int, name: str, price: float = 1.5) -> Any:
        return {"id": item_id, "name": name, "price": price, "tags": ["a", "b"]}

    @app.get("/def", response_model=None)
    def in_a_thread() -> dict[str, str]:
        return {"message": "Hello, world!"}

    return app


def __getattr__(name: str) -> Any:
    """Build `fast` when a server asks for it.

    Raises:
        AttributeError: for any other name.
    """
    if name != "fast":
        raise AttributeError(name)
    app = globals()["fast"] = _build_fast()
    return app
