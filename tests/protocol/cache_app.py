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
from wire_app import gates, notes, read_body, reply

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
    """Count a run; one of the cache's own waits where a test holds it."""
    runs[scope["path"]] += 1
    await wait_if_held(scope)


async def wait_if_held(scope: Scope) -> None:
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


# --- what is stored, and for how long

EXTENSION = "fasterapi.cache"


async def counted(scope: Scope, _receive: Any, send: Any) -> None:
    """Say the how-manieth run it is. A POST may choose its status."""
    scope["extensions"][EXTENSION]["max_age"] = None
    asked = dict(scope["headers"])
    runs[scope["path"]] += 1
    body = f"run {runs[scope['path']]}".encode()
    await wait_if_held(scope)
    if "failing" in scope["path"] and is_fill(scope):
        raise RuntimeError("it has failed")
    cookie = [(b"set-cookie", b"a=b")] if "cookie" in scope["path"] else []
    await reply(send, body, int(asked.get(b"x-status", b"200")), *cookie)


class Kind:
    """A response: its status and fields, what is declared of it, and its body in pieces."""

    def __init__(
        self, *fields: tuple[str, str], status: int = 200, pieces: int = 0, **declared: Any
    ) -> None:
        self.fields = [(name.encode(), value.encode()) for name, value in fields]
        self.status = status
        self.pieces = pieces
        self.declared = declared or {"max_age": None}


HOUR = "Fri, 01 Jan 2100 00:00:00 GMT"
STORED = {
    "plain": Kind(),
    "max-age": Kind(("cache-control", "public, max-age=60")),
    "s-maxage": Kind(("cache-control", "max-age=0, s-maxage=60")),
    "quoted extension": Kind(("cache-control", 'max-age=60, x="y"')),
    "expires beside max-age": Kind(("expires", HOUR), ("cache-control", "max-age=60")),
    "etag": Kind(("etag", '"own"')),
    "weak etag": Kind(("ETag", 'W/"own"')),
    "last-modified": Kind(("last-modified", "Fri, 01 Jan 2010 00:00:00 GMT")),
    "etag and last-modified": Kind(("etag", '"own"'), ("last-modified", HOUR)),
    "all of a 304": Kind(
        ("etag", '"own"'),
        ("cache-control", "max-age=60"),
        ("content-location", "/here"),
        ("vary", "x-device"),
        ("x-other", "x"),
    ),
    "vary": Kind(("vary", "x-device")),
    "vary by what is never cached": Kind(("vary", "Cookie, Authorization, Host")),
    "301": Kind(("location", "/there"), status=301, status_=(301,)),
    "404": Kind(status=404, status_=(200, 404)),
    "in pieces": Kind(("content-length", "12"), pieces=3),
    "of one connection": Kind(("connection", "close"), ("keep-alive", "x"), ("date", HOUR)),
    "twice the same name": Kind(("link", "</a>"), ("link", "</b>"), ("X-Name", "Value")),
}
VARIES = ", ".join(f"x-{number}" for number in range(9))
STATUS = "its status is none that is stored"
CONTROL = "its Cache-Control says no-store, no-cache or private"
EXPIRED = "it has no lifetime left"
REFUSED = {
    "set-cookie": ("it sets a cookie", Kind(("Set-Cookie", "a=b"))),
    "no-store": (CONTROL, Kind(("cache-control", "no-store"))),
    "No-Cache": (CONTROL, Kind(("Cache-Control", "max-age=60, No-Cache"))),
    "private of a field": (CONTROL, Kind(("cache-control", 'private="x-a", max-age=60'))),
    "private in a second line": (
        CONTROL,
        Kind(("cache-control", "max-age=60"), ("cache-control", "private")),
    ),
    "pragma": ("it has a Pragma field", Kind(("pragma", "no-cache"))),
    "vary by all": ("it varies by everything (Vary: *)", Kind(("vary", "accept, *"))),
    "vary by many": ("it varies by more than 8 fields", Kind(("vary", VARIES))),
    "content-range": (
        "it is a part of something (Content-Range)",
        Kind(("content-range", "bytes 0-3/9")),
    ),
    "age": ("it comes from another cache (Age)", Kind(("age", "0"))),
    "trailer": ("it announces trailers", Kind(("trailer", "x-sum"))),
    "max-age=0": (EXPIRED, Kind(("cache-control", "max-age=0"))),
    "s-maxage=0": (EXPIRED, Kind(("cache-control", "max-age=60, s-maxage=0"))),
    "max-age twice": (EXPIRED, Kind(("cache-control", "max-age=60, max-age=60"))),
    "max-age unreadable": (EXPIRED, Kind(("cache-control", "max-age=x"))),
    "max-age below nought": (EXPIRED, Kind(("cache-control", "max-age=-1"))),
    "expires": (
        "its Cache-Control has no max-age and no s-maxage",
        Kind(("expires", HOUR)),
    ),
    "500": (STATUS, Kind(status=500)),
    "201": (STATUS, Kind(status=201)),
    "206": (STATUS, Kind(status=206)),
    "307": (STATUS, Kind(("location", "/there"), status=307)),
    "404 that is not declared": (STATUS, Kind(status=404)),
    "200 that is not declared": (STATUS, Kind(status_=(404,))),
    "streamed": ("it is streamed without a Content-Length", Kind(pieces=3)),
    "short": ("the application did not complete it", Kind(("content-length", "12"), pieces=-3)),
    "another length": (
        "its body has not the length that Content-Length names",
        Kind(("content-length", "12"), pieces=1),
    ),
}
KINDS = STORED | {name: kind for name, (_, kind) in REFUSED.items()}


async def kind(scope: Scope, _receive: Any, send: Any) -> None:
    """A response of KINDS."""
    runs[scope["path"]] += 1
    here = KINDS[scope["path"].split("/")[2]]
    declared = {name.rstrip("_"): value for name, value in here.declared.items()}
    scope["extensions"][EXTENSION].update(declared)
    if not here.pieces:
        await reply(send, b"body", here.status, *here.fields)
        return
    await send({"type": "http.response.start", "status": here.status, "headers": here.fields})
    for left in reversed(range(abs(here.pieces))):
        more = left > 0 or here.pieces < 0
        await send({"type": "http.response.body", "body": b"body", "more_body": more})


async def aging(scope: Scope, _receive: Any, send: Any) -> None:
    """Hold for as long as the path says, stale for as long, and say what it says."""
    _, _, max_age, stale, *rest = scope["path"].split("/")
    scope["extensions"][EXTENSION].update(max_age=float(max_age), stale=float(stale))
    runs[scope["path"]] += 1
    if "failing" in scope["path"] and runs[scope["path"]] > 2:
        raise RuntimeError("it has failed")
    body = f"run {runs[scope['path']]}".encode()
    await wait_if_held(scope)
    said = [(b"cache-control", part.encode()) for part in rest if part.startswith("max-age=")]
    await reply(send, body, 200, *said)


async def changing(scope: Scope, _receive: Any, send: Any) -> None:
    """Declare another thing each time."""
    runs[scope["path"]] += 1
    declared = scope["extensions"][EXTENSION]
    if scope["path"] != "/changing/vary":
        declared["max_age"] = 1000 if runs[scope["path"]] == 1 else 0
        return await reply(send, f"run {runs[scope['path']]}".encode())
    declared["query"] = ("q",)
    vary = (b"vary", b"x-a" if scope["query_string"] == b"q=1" else b"x-b")
    return await reply(send, json.dumps(seen(scope)["headers"]).encode(), 200, vary)


async def mistaken(scope: Scope, _receive: Any, send: Any) -> None:
    """Declare what the path says."""
    _, _, name, value = scope["path"].split("/")
    scope["extensions"][EXTENSION][name] = int(value)
    await reply(send, b"mistaken")


async def large(scope: Scope, _receive: Any, send: Any) -> None:
    """As many bytes as the path says, of the run's own."""
    scope["extensions"][EXTENSION]["max_age"] = None
    runs[scope["path"]] += 1
    await reply(send, b"%d" % (runs[scope["path"]] % 10) * int(scope["path"].split("/")[2]))


# --- what a test says to the application


async def control(scope: Scope, receive: Any, send: Any) -> None:
    _, _, what, *arguments = scope["path"].split("/")
    told: Any = None
    if what == "invalidate":
        cache.invalidate(f"/{'/'.join(arguments)}" if arguments else None)
    elif what == "hold":
        held[:] = arguments
    elif what == "open":
        await read_body(receive)
        gates[arguments[0]].set()
    elif what == "runs":
        told = runs[f"/{'/'.join(arguments)}"]
    await reply(send, json.dumps(told).encode())


HERE: dict[str, Any] = {
    "mirror": mirror,
    "varied": mirror,
    "learned": mirror,
    "keyed": mirror,
    "gullible": gullible,
    "control": control,
    "counted": counted,
    "kind": kind,
    "aging": aging,
    "large": large,
    "changing": changing,
    "mistaken": mistaken,
}
RULES = (
    "GET /mirror query=lang,page",
    "GET /varied vary=accept,accept-language",
    "GET /learned",
    "GET /keyed vary=cookie,authorization,origin,x-forwarded-host,x-original-url,x-api-key",
    "GET /counted",
    "GET /counted/failing",
    "GET /counted/cookie",
    "GET /gullible",
    *(f"GET {path}" for path in sorted(PAGES)),
)
OPTIONS = ("--asgi-extensions=fasterapi.cache", *(f"--cache={rule}" for rule in RULES))
