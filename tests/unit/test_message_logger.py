"""fasterapi_asgi.middleware.message_logger: the records are uvicorn's."""

import asyncio
import logging
from typing import Any

import pytest
import uvicorn.middleware.message_logger as theirs

import fasterapi_asgi.middleware.message_logger as ours

SCOPES: list[dict[str, Any]] = [
    {"type": "http", "client": ("1.2.3.4", 5), "headers": [(b"a", b"b")]},
    {"type": "http", "client": None, "headers": []},
    {"type": "lifespan"},
    {"type": "websocket", "client": ("::1", 5), "subprotocols": []},
]
MESSAGES: list[dict[str, Any]] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]},
    {"type": "http.response.body", "body": b"abc", "more_body": True},
    {"type": "websocket.send", "bytes": None, "text": "héllo"},
    {"type": "websocket.send", "bytes": b""},
]


async def _serve(middleware: Any, scope: dict[str, Any], fail: bool) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"12"}

    async def send(message: dict[str, Any]) -> None:
        assert message in MESSAGES

    async def app(_: object, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "http.request", "body": b"12"}
        for message in MESSAGES:
            await send(message)
        if fail:
            raise ValueError("x")

    wrapped = middleware(app)
    for _ in range(2):
        try:
            await wrapped(scope, receive, send)
        except ValueError:
            assert fail


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope["type"])
@pytest.mark.parametrize("fail", [True, False])
def test_the_records_are_uvicorns(
    scope: dict[str, Any], fail: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(5, "uvicorn.asgi")
    seen = []
    for module in (ours, theirs):
        caplog.clear()
        asyncio.run(_serve(module.MessageLoggerMiddleware, scope, fail))
        seen.append(
            [(r.name, r.levelno, r.msg, r.args) for r in caplog.records if "asgi" in r.name]
        )
    assert seen[0] and seen[0] == seen[1]


def test_a_long_body_is_not_copied_into_the_log() -> None:
    shown = ours.message_with_placeholders({"type": "http.request", "body": b"x" * 1000})
    assert shown == {"type": "http.request", "body": "<1000 bytes>"}


def test_the_loggers_name_is_uvicorns() -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    assert ours.MessageLoggerMiddleware(app).logger is logging.getLogger("uvicorn.asgi")
