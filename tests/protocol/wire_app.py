"""The application behind the wire tests: raw ASGI, one small function per first path segment.

Tests meet it without sleeping: /open/NAME opens the gate that /wait/NAME waits at, and /note/NAME
returns the next note that a request has left under that name.
"""

import asyncio
import contextvars
import gc
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from fasterapi_asgi._core import live_objects

Scope = dict[str, Any]

gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
notes: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)
who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


async def app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    _, name, *arguments = scope["path"].split("/")
    try:
        return await globals()[f"at_{name or 'root'}"](scope, receive, send, *arguments)
    except PeerGoneError:
        return None


class PeerGoneError(Exception):
    """The body that was to be read will not come."""


async def lifespan(receive: Any, send: Any) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


async def reply(send: Any, body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Any) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise PeerGoneError
        pieces.append(message["body"])
        more = message["more_body"]
    return b"".join(pieces)


async def at_root(_scope: Scope, _receive: Any, send: Any) -> None:
    await reply(send, b"root")


async def at_trailing(_scope: Scope, _receive: Any, send: Any) -> None:
    await reply(send, b"trailing")


async def at_echo(scope: Scope, receive: Any, send: Any) -> None:
    await reply(send, await read_body(receive), 200, (b"x-method", scope["method"].encode()))


async def at_scope(scope: Scope, _receive: Any, send: Any, *_path: str) -> None:
    await reply(send, json.dumps(scope, default=repr).encode())


kept: list[tuple[Scope, dict[str, Any]]] = []


async def at_keep(scope: Scope, receive: Any, send: Any, *_path: str) -> None:
    """Keep scope and message, and tell what is in those of all requests so far."""
    kept.append((scope, await receive()))
    seen = [
        [scope["raw_path"], scope["query_string"], scope["headers"][-1], message["body"]]
        for scope, message in kept
    ]
    await reply(send, json.dumps(seen, default=repr).encode())


async def at_early(_scope: Scope, _receive: Any, send: Any) -> None:
    await reply(send, b"early")


async def at_status(_scope: Scope, _receive: Any, send: Any, status: str) -> None:
    await send({"type": "http.response.start", "status": int(status)})
    await send({"type": "http.response.body", "body": b"no body may have this"})


async def at_chunks(_scope: Scope, _receive: Any, send: Any, count: str) -> None:
    await send({"type": "http.response.start", "status": 200})
    for number in range(int(count)):
        await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
    await send({"type": "http.response.body"})


async def at_open(_scope: Scope, _receive: Any, send: Any, name: str) -> None:
    gates[name].set()
    await reply(send, b"open")


async def at_wait(_scope: Scope, _receive: Any, send: Any, name: str) -> None:
    notes[name].put_nowait("waiting")
    await gates[name].wait()
    await reply(send, name.encode())


async def at_hold(scope: Scope, _receive: Any, send: Any, name: str) -> None:
    """Hold the loop until somebody has opened the FIFO of the query's folder and closed it."""
    (Path(scope["query_string"].decode()) / name).read_bytes()
    await reply(send, b"held")


async def at_note(_scope: Scope, _receive: Any, send: Any, name: str) -> None:
    await reply(send, json.dumps(await notes[name].get()).encode())


async def at_live(_scope: Scope, _receive: Any, send: Any) -> None:
    gc.collect()
    await reply(send, json.dumps(live_objects()).encode())


async def at_print(_scope: Scope, _receive: Any, send: Any, text: str) -> None:
    print(text, file=sys.stderr, flush=True)
    await reply(send, b"printed")


async def at_read_later(_scope: Scope, receive: Any, send: Any, name: str) -> None:
    notes[name].put_nowait("waiting")
    await gates[name].wait()
    await reply(send, await read_body(receive))


async def at_disconnect(_scope: Scope, receive: Any, _send: Any, name: str) -> None:
    notes[name].put_nowait("waiting")
    types = []
    while not types or types[-1] != "http.disconnect":
        types.append((await receive())["type"])
    types.append((await receive())["type"])  # it is said as often as it is asked
    notes[name].put_nowait(types)


async def at_follow(_scope: Scope, receive: Any, send: Any, name: str) -> None:
    """Note every message up to the peer's end, answer all the same, and hear of the end again."""
    notes[name].put_nowait("waiting")
    types: list[str] = []
    while types[-1:] != ["http.disconnect"]:
        types.append((await receive())["type"])
    await reply(send, b"followed")
    types.append((await receive())["type"])
    notes[name].put_nowait(types)


async def at_streaming_disconnect(_scope: Scope, receive: Any, send: Any, name: str) -> None:
    """Stream for ever to a peer that goes: send() falls silent and receive() tells."""
    await send({"type": "http.response.start", "status": 200})
    gone = asyncio.ensure_future(wait_for_disconnect(receive))
    while not gone.done():
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    notes[name].put_nowait("told")


async def wait_for_disconnect(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def at_upload(_scope: Scope, receive: Any, send: Any) -> None:
    size, largest, more = 0, 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":  # refused in the midst of its body
            return
        size += len(message["body"])
        largest = max(largest, len(message["body"]))
        more = message["more_body"]
    await reply(send, json.dumps({"size": size, "largest": largest}).encode())


async def at_download(_scope: Scope, _receive: Any, send: Any, size: str, piece: str) -> None:
    left, block = int(size), bytes(int(piece))
    headers = [(b"content-length", size.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while left:
        body = block[:left] if left < len(block) else block
        left -= len(body)
        await send({"type": "http.response.body", "body": body, "more_body": left > 0})


async def at_stalled(_scope: Scope, _receive: Any, send: Any, name: str, size: str) -> None:
    """Send until send() is suspended, note how much that was, and go on."""
    await send({"type": "http.response.start", "status": 200})
    block, sent, noted = bytes(65536), 0, False
    while sent < int(size):
        sent += len(block)
        message = {"type": "http.response.body", "body": block, "more_body": True}
        sending = asyncio.ensure_future(send(message))
        for _ in range(100):  # turns of the loop: enough for a send that need not wait
            if sending.done():
                break
            await asyncio.sleep(0)
        if not sending.done() and not noted:
            noted = True
            notes[name].put_nowait(sent)
        await sending
    await send({"type": "http.response.body"})


async def at_raise(_scope: Scope, _receive: Any, send: Any, when: str) -> None:
    if when == "after_body":
        await reply(send, b"complete")
    elif when != "before":
        await send({"type": "http.response.start", "status": 200})
        if when == "mid_body":
            await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    raise LookupError("raised on purpose")


async def at_return(_scope: Scope, _receive: Any, send: Any, when: str) -> str | None:
    if when in {"after_start", "mid_body"}:
        await send({"type": "http.response.start", "status": 200})
    if when == "mid_body":
        await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    return "something" if when == "something" else None


async def at_context(_scope: Scope, _receive: Any, send: Any, name: str) -> None:
    before = who.get()
    who.set(name)
    await asyncio.sleep(0)
    await reply(send, f"{before} {who.get()}".encode())


# --- messages that break ASGI: what the application sees is noted

START = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body"}
FIVE = {**START, "headers": [(b"content-length", b"5")]}


def with_header(name: Any, value: Any) -> dict[str, Any]:
    return {**START, "headers": [(name, value)]}


WRONG: dict[str, list[dict[str, Any]]] = {
    "body_first": [BODY],
    "start_twice": [START, START],
    "start_behind_body": [START, {**BODY, "more_body": True}, START],
    "body_behind_end": [START, BODY, BODY],
    "start_behind_end": [START, BODY, START],
    "unknown_first": [{"type": "websocket.send"}],
    "unknown_second": [START, {"type": "http.response.debug"}],
    "too_long": [FIVE, {**BODY, "body": b"longer than that"}],
    "too_short": [FIVE, {**BODY, "body": b"oh"}],
    "line_break_in_value": [with_header(b"a", b"b\r\nc: d")],
    "nul_in_value": [with_header(b"a", b"b\0")],
    "line_break_in_name": [with_header(b"a\r\nb", b"c")],
    "blank_in_name": [with_header(b"a b", b"c")],
    "no_type": [{}],
    "no_status": [{"type": "http.response.start"}],
}


async def at_wrong(_scope: Scope, _receive: Any, send: Any, kind: str) -> None:
    *right, wrong = WRONG[kind]
    for message in right:
        await send(message)
    try:
        await send(wrong)
    except Exception as error:
        notes[kind].put_nowait([type(error).__name__, str(error)])
        raise
    notes[kind].put_nowait(["nothing", ""])
