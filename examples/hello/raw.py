"""An ASGI application without a framework."""

from collections.abc import Awaitable, Callable
from typing import Any

BODY = b"Hello, world!"
HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(BODY)).encode()),
    ],
}


async def app(
    scope: dict[str, Any],
    _receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answers every HTTP request; other scopes, such as the lifespan, it does not support."""
    if scope["type"] != "http":
        raise RuntimeError(f"unsupported scope type: {scope['type']}")
    await send(HEAD)
    await send({"type": "http.response.body", "body": BODY})
