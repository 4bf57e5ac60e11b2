"""A FastAPI application that builds its responses once; what is not below /fast is wire_app's."""

from typing import Any

import wire_app
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.middleware.base import BaseHTTPMiddleware

READY = JSONResponse({"status": "ok"}, headers={"X-Version": "1"})
EMPTY = Response(status_code=204)
SAME = Response(status_code=304, headers={"etag": '"a"'})
MISSING = JSONResponse({"detail": "nothing here"}, status_code=404)
LAST = Response(b"bye", headers={"connection": "close"})
BUILT = {"ready": READY, "empty": EMPTY, "same": SAME, "missing": MISSING, "last": LAST}

fast = FastAPI()


@fast.api_route("/fast/built/{name}", methods=["GET", "HEAD"])
async def built(name: str) -> Response:
    return BUILT[name]


@fast.api_route("/fast/fresh/{name}", methods=["GET", "HEAD"])
async def fresh(name: str) -> Response:
    """The same response of objects that are new each time."""
    response = BUILT[name]
    copy = Response(response.body, response.status_code)
    copy.raw_headers = [(b"%b" % key, b"%b" % value) for key, value in response.raw_headers]
    return copy


@fast.post("/fast/version/{version}")
async def set_version(version: str) -> Response:
    READY.headers["x-version"] = version
    return READY


async def count(request: Any, call_next: Any) -> Any:
    """Set a header of the request's; Starlette hands out the list of the response itself."""
    response = await call_next(request)
    response.headers["x-number"] = request.headers["x-number"]
    return response


counted = BaseHTTPMiddleware(fast, count)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"].startswith("/fast/"):
        chosen = counted if any(name == b"x-number" for name, _ in scope["headers"]) else fast
        await chosen(scope, receive, send)
    else:
        await wire_app.app(scope, receive, send)
