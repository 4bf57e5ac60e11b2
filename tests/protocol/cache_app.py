"""Applications behind the tests of the cache: they count their runs and tell all that they see.

What a request of the cache's own makes may hold nothing but its key, so each response tells every
part of the scope, what a context variable and the lifespan's state held, and leaves traces there.
"""

import contextvars
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import wire_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from wire_app import gates, notes, reply

from fasterapi_asgi import cache
from fasterapi_asgi.middleware.proxy_headers import ProxyHeadersMiddleware

Scope = dict[str, Any]

runs: Counter[str] = Counter()
held: list[str] = []
trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")


async def app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        scope["state"]["started"] = "yes"
        return await wire_app.app(scope, receive, send)
    name = scope["path"].split("/")[1]
    if stack := STACKS.get(name):
        return await stack(scope, receive, send)
    if name not in HERE and hasattr(wire_app, f"at_{name}"):
        return await wire_app.app(scope, receive, send)
    return await HERE.get(name, mirror)(scope, receive, send)


def is_fill(scope: Scope) -> bool:
    return scope["client"] is None


async def begin(scope: Scope) -> None:
    """Count a run. Requests of the cache's own wait where a test holds them."""
    runs[scope["path"]] += 1
    if held and is_fill(scope):
        notes[held[0]].put_nowait(scope["headers"][0][1].decode())
        await gates[held[0]].wait()


def seen(scope: Scope) -> dict[str, Any]:
    """All that a request could leave in a response; it leaves traces for the next one, too."""
    told = {
        "method": scope["method"],
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "scheme": scope["scheme"],
        "root_path": scope["root_path"],
        "http_version": scope["http_version"],
        "client": scope["client"],
        "server": scope["server"],
        "headers": [[part.decode("latin-1") for part in field] for field in scope["headers"]],
        "trace": trace.get(),
        "state": {key: value for key, value in scope["state"].items() if key != "count"},
    }
    if not is_fill(scope):
        mark = f"evil {scope['client']}"
        trace.set(mark)
        scope["state"]["mark"] = mark
    return told


# --- raw ASGI


async def mirror(scope: Scope, _receive: Any, send: Any) -> None:
    await begin(scope)
    body = json.dumps(seen(scope)).encode()
    asked = dict(scope["headers"])
    await reply(
        send,
        body,
        200,
        (b"content-type", b"application/json"),
        (b"x-host", asked.get(b"host", b"none")),
        (b"x-origin", asked.get(b"origin", b"none")),
        (b"x-agent", asked.get(b"user-agent", b"none")),
        *LEARNED.get(scope["path"], []),
    )


LEARNED = {"/learned": [(b"vary", b"X-Device ,accept"), (b"vary", b"ACCEPT, x-device")]}


async def gullible(scope: Scope, receive: Any, send: Any) -> None:
    """Believe every field that names another target, host or method, as some frameworks do."""
    asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
    for name in (b"x-original-url", b"x-rewrite-url", b"x-forwarded-path", b"x-original-uri"):
        if name in asked:
            scope["path"] = asked[name]
            scope["raw_path"] = asked[name].encode("latin-1")
    for name in (b"x-forwarded-prefix", b"x-script-name"):
        scope["root_path"] = asked.get(name, scope["root_path"])
    for name in (b"x-http-method-override", b"x-http-method", b"x-method-override"):
        scope["method"] = asked.get(name, scope["method"])
    for name in (b"x-forwarded-scheme", b"x-url-scheme"):
        scope["scheme"] = asked.get(name, scope["scheme"])
    await mirror(scope, receive, send)


# --- behind middleware


async def page(request: Request) -> Response:
    await begin(request.scope)
    if user := request.headers.get("x-user") or request.cookies.get("user"):
        request.scope.get("session", {})["user"] = user
    told = seen(request.scope) | {"url": str(request.url), "base": str(request.base_url)}
    told["session"] = dict(request.scope.get("session", {}))
    return JSONResponse(told, headers={"x-url": str(request.url)})


async def add_request_id(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers["x-request-id"] = request.headers.get("x-request-id", "none")
    return response


def stack(name: str, *middleware: Middleware) -> Starlette:
    routes = [Route(f"/{name}/page", page), Route(f"/{name}/slash/", page)]
    return Starlette(routes=routes, middleware=list(middleware))


STACKS: dict[str, Any] = {
    "cors": stack(
        "cors",
        Middleware(CORSMiddleware, allow_origins=["https://evil.example"], allow_credentials=True),
    ),
    "gzip": stack("gzip", Middleware(GZipMiddleware, minimum_size=10)),
    "session": stack("session", Middleware(SessionMiddleware, secret_key="key")),
    "trusted": stack("trusted", Middleware(TrustedHostMiddleware, allowed_hosts=["a"])),
    "base": stack("base", Middleware(BaseHTTPMiddleware, dispatch=add_request_id)),
    "proxied": stack("proxied", Middleware(ProxyHeadersMiddleware, trusted_hosts="*")),
}
PAGES = {f"/{name}/page" for name in STACKS}


# --- what a test says to the application


async def control(scope: Scope, _receive: Any, send: Any) -> None:
    _, _, what, *arguments = scope["path"].split("/")
    told: Any = None
    if what == "invalidate":
        cache.invalidate(f"/{'/'.join(arguments)}" if arguments else None)
    elif what == "hold":
        held[:] = arguments
    elif what == "runs":
        told = runs[f"/{'/'.join(arguments)}"]
    await reply(send, json.dumps(told).encode())


HERE: dict[str, Any] = {
    "mirror": mirror,
    "varied": mirror,
    "learned": mirror,
    "gullible": gullible,
    "control": control,
}
RULES = (
    "GET /mirror query=lang,page",
    "GET /varied vary=accept,accept-language",
    "GET /learned",
    "GET /gullible",
    *(f"GET {path}" for path in sorted(PAGES)),
)
OPTIONS = tuple(f"--cache={rule}" for rule in RULES)
