"""The application behind the tests of ASGI's extensions and versions; all else is wire_app's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import wire_app
from starlette.responses import FileResponse, StreamingResponse
from wire_app import BODY, FIVE, START, notes, reply

Scope = dict[str, Any]
HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>"]}
TRAILERS = {
    "type": "http.response.trailers",
    "headers": [(b"Server-Timing", b"db;dur=53"), (b"x-checksum", b"0")],
}
WITH_TRAILERS = {**START, "trailers": True}
HELLO = {**BODY, "body": b"hello"}


def trailer(name: bytes, value: bytes = b"x") -> dict[str, Any]:
    return {**TRAILERS, "headers": [(name, value)]}


def informational(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


MESSAGES: dict[str, list[dict[str, Any]]] = {
    "hints": [HINT, HINT, FIVE, HELLO],
    "hint_of_buffers": [{**HINT, "links": (bytearray(b"</a>"), memoryview(b"</b>"))}, FIVE, HELLO],
    "hint_without_links": [{"type": "http.response.early_hint"}],
    "hint_of_text": [{**HINT, "links": ["</a>"]}],
    "hint_with_line_break": [{**HINT, "links": [b"</a>", b"</b>\r\nset-cookie: a"]}],
    "hint_behind_start": [START, HINT],
    "processing": [
        informational(102),
        informational(103, (b"Link", b"</a>"), (b"content-length", b"5"), (b"x-a", b"b")),
        FIVE,
        HELLO,
    ],
    "informational_with_line_break": [informational(103, (b"a", b"b\r\n"))],
    "informational_with_bad_name": [informational(102, (b"a b", b"c"))],
    "trailers": [WITH_TRAILERS, HELLO, TRAILERS],
    "trailers_in_pieces": [
        WITH_TRAILERS,
        {**HELLO, "more_body": True},
        BODY,
        {**TRAILERS, "more_trailers": True},
        {**TRAILERS, "headers": [], "more_trailers": True},
        trailer(b"x-last"),
    ],
    "trailers_behind_a_length": [{**FIVE, "trailers": True}, HELLO, TRAILERS],
    "no_trailers_promised": [START, HELLO, TRAILERS],
    "trailers_too_early": [WITH_TRAILERS, {**HELLO, "more_body": True}, TRAILERS],
    "body_behind_its_end": [WITH_TRAILERS, HELLO, HELLO],
    "trailers_twice": [WITH_TRAILERS, HELLO, TRAILERS, TRAILERS],
    "trailers_without_headers": [WITH_TRAILERS, HELLO, {"type": "http.response.trailers"}],
    "trailer_with_line_break": [WITH_TRAILERS, HELLO, trailer(b"a", b"b\r\n\r\nHTTP/1.1 200 OK")],
    "trailer_with_bad_name": [WITH_TRAILERS, HELLO, trailer(b"a b")],
    "trailer_that_frames": [WITH_TRAILERS, HELLO, trailer(b"Content-Length", b"5")],
    "trailer_that_routes": [WITH_TRAILERS, HELLO, trailer(b"host")],
    "trailers_missing": [WITH_TRAILERS, HELLO],
}


async def app(scope: Scope, receive: Any, send: Any) -> None:
    _, name, *arguments = scope.get("path", "//").split("/")
    if scope["type"] == "http" and f"at_{name}" in globals():
        return await globals()[f"at_{name}"](scope, receive, send, *arguments)
    return await wire_app.app(scope, receive, send)


async def at_send(_scope: Scope, _receive: Any, send: Any, name: str) -> None:
    try:
        for message in MESSAGES[name]:
            await send(message)
    except Exception as error:
        notes[name].put_nowait([type(error).__name__, str(error)])
        raise
    notes[name].put_nowait(["nothing", ""])


async def at_file(scope: Scope, receive: Any, send: Any) -> None:
    """Starlette's file response; the query is the path."""
    await FileResponse(scope["query_string"].decode())(scope, receive, send)


async def at_path(scope: Scope, _receive: Any, send: Any, *lengths: str) -> None:
    """The file of the query, with a content-length if there is one."""
    headers = [(b"content-length", length.encode()) for length in lengths]
    path = scope["query_string"].decode()
    await send({**START, "headers": headers})
    try:
        await send({"type": "http.response.pathsend", "path": path})
    except (OSError, RuntimeError) as error:
        notes["path"].put_nowait(type(error).__name__)
        raise


async def at_path_or_else(scope: Scope, _receive: Any, send: Any) -> None:
    """A file that cannot be opened leaves the response to be completed otherwise."""
    await send(START)
    try:
        await send({"type": "http.response.pathsend", "path": scope["query_string"].decode()})
    except OSError:
        await send(HELLO)


async def at_stream(scope: Scope, receive: Any, send: Any, size: str) -> None:
    """Starlette's streaming response, for ever."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * int(size)
                await asyncio.sleep(0)
        finally:
            notes["stream"].put_nowait("ended")

    await StreamingResponse(pieces())(scope, receive, send)


async def at_talk(_scope: Scope, _receive: Any, send: Any, size: str) -> None:
    """Send for ever, or until send() raises."""
    await send(START)
    notes["talk"].put_nowait("begun")
    try:
        for _ in range(200):
            await send({**BODY, "body": b"x" * int(size), "more_body": True})
            await asyncio.sleep(0.001)
    except OSError as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        notes["talk"].put_nowait([kinds[:2], str(error)])
        raise
    notes["talk"].put_nowait("nothing raised")


async def at_plain(_scope: Scope, _receive: Any, send: Any) -> None:
    await reply(send, b"plain")
