"""fasterapi_asgi._request: the coroutine of every request's task.

It runs once per request: keep it as small as it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fasterapi_asgi.errors import ClientDisconnected

if TYPE_CHECKING:
    from fasterapi_asgi._core import RequestCycle
    from fasterapi_asgi._types import ASGI3Application, Receive, Scope, Send

logger = logging.getLogger("uvicorn.error")


async def run_asgi(
    app: ASGI3Application, scope: Scope, receive: Receive, send: Send, cycle: RequestCycle
) -> None:
    """Run the application for one request and tell the cycle how it ended. Never raises.

    An error that send() has raised because the peer is gone is nobody's mistake, nor is one that an
    application raises in its place, as Starlette does: they are logged for debugging only.

    A cancelled application counts as one that raised, as it does in uvicorn: the peer gets a 500
    or a closed connection.
    """
    try:
        result = await app(scope, receive, send)  # type: ignore[func-returns-value]
    except BaseException as error:
        level = logging.DEBUG if _tells_of_disconnect(error) else logging.ERROR
        logger.log(level, "Exception in ASGI application\n", exc_info=error)
        cycle.failed()
    else:
        problem = cycle.returned(result)
        if problem is not None:
            logger.error(problem)


def _tells_of_disconnect(error: BaseException) -> bool:
    return isinstance(error, ClientDisconnected) or isinstance(
        error.__context__, ClientDisconnected
    )
