"""fasterapi_asgi.middleware.message_logger: logs ASGI messages to ``uvicorn.asgi``."""

import logging
from typing import Any

from fasterapi_asgi._types import ASGI3Application, Message, Receive, Scope, Send
from fasterapi_asgi.logging import TRACE_LOG_LEVEL

_PLACEHOLDERS = {
    "body": "<{} bytes>",
    "bytes": "<{} bytes>",
    "text": "<{} chars>",
    "headers": "<...>",
}


def message_with_placeholders(message: Message) -> Message:
    """Return a copy with the lengths of bodies in their place, and dots for headers."""
    shown = dict(message)
    for name, placeholder in _PLACEHOLDERS.items():
        if shown.get(name) is not None:
            shown[name] = placeholder.format(len(shown[name]))
    return shown


class MessageLoggerMiddleware:
    """Wraps an application; in place when the log level is trace. uvicorn's --log-level trace."""

    def __init__(self, app: ASGI3Application) -> None:
        self.app = app
        self.task_counter = 0
        self.logger = logging.getLogger("uvicorn.asgi")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        self.task_counter += 1
        number = self.task_counter
        app: Any = self.app  # may return something, by mistake; the server reports it
        client = scope.get("client")
        prefix = f"{client[0]}:{client[1]} - ASGI" if client else "ASGI"

        def trace(event: str, *args: object) -> None:
            self.logger.log(TRACE_LOG_LEVEL, f"%s [%d] {event}", prefix, number, *args)

        async def logged_receive() -> Message:
            message = await receive()
            trace("Receive %s", message_with_placeholders(message))
            return message

        async def logged_send(message: Message) -> None:
            trace("Send %s", message_with_placeholders(message))
            await send(message)

        trace("Started scope=%s", message_with_placeholders(scope))
        try:
            result: Any = await app(scope, logged_receive, logged_send)
        except BaseException:
            trace("Raised exception")
            raise
        trace("Completed")
        return result
