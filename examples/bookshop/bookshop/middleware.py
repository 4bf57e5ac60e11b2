"""Gives every request a name and measures it."""

import re
import uuid
from time import perf_counter

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestContextMiddleware(BaseHTTPMiddleware):
    """Adds `X-Request-ID` and `Server-Timing` and counts the request.

    An id that a proxy in front has given is kept, so that its logs and ours can be matched; one
    with unexpected characters is replaced, because it ends up in logs and headers.
    """

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Runs around every request; a stream's timing is the time to its head."""
        request.state.statistics.requests += 1
        given = request.headers.get("x-request-id", "")
        request_id = given if ACCEPTED_ID.fullmatch(given) else uuid.uuid4().hex
        begin = perf_counter()
        response = await call_next(request)
        response.headers["X-Request-ID"] = request_id
        response.headers["Server-Timing"] = f"app;dur={(perf_counter() - begin) * 1000:.1f}"
        return response
