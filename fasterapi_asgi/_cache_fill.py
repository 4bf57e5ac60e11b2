"""fasterapi_asgi._cache_fill: runs the application for the cache, once for each response it keeps.

The core's cache asks for a fill by number and gets a response or a failure. The request that the
application sees has nothing but the key: what no key holds cannot influence what others get.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from fasterapi_asgi.cache import (
    EXTENSION,
    Policy,
    endpoints,
    parse_rule,
    policy_of,
    served_caches,
)
from fasterapi_asgi.errors import ClientDisconnected, OptionError

if TYPE_CHECKING:
    from fasterapi_asgi._core import HttpServer
    from fasterapi_asgi._types import ASGI3Application, Message, Scope
    from fasterapi_asgi.config import Config

logger = logging.getLogger("uvicorn.error")

FILL_SECONDS = 30.0  # then the application is cancelled
_UNESCAPED = "/:@!$&'()*+,;=-._~"  # RFC 3986 section 3.3
_WARNINGS = 100  # paths; the log is not a peer's to fill


class ServedCache:
    """The cache of one server: its rules, and the application that makes its responses.

    Args:
        app: The application, as requests run it.
        state: The lifespan's; each fill gets a copy.
        root_path: uvicorn's.
        spec_version: ASGI's, for the scopes.
        rules: As the option ``cache`` has them.
        max_bytes: Of one body.

    Raises:
        OptionError: a rule cannot be used.
    """

    def __init__(
        self,
        app: ASGI3Application,
        *,
        state: dict[str, Any],
        root_path: str,
        spec_version: str,
        rules: Iterable[str],
        max_bytes: int,
    ) -> None:
        """Read the rules. Nothing is served until :meth:`attach`."""
        self.app = app
        self.state = state
        self.root_path = root_path
        self.spec_version = spec_version
        self.max_bytes = max_bytes
        self._configured: dict[bytes, Policy] = {}
        for rule in rules:
            path, policy = parse_rule(rule)
            if self._configured.setdefault(path.encode("ascii"), policy) is not policy:
                raise OptionError(f"cache {rule!r}: there is another rule for {path}.")
        self._core: HttpServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._warned: set[bytes] = set()

    def core_options(self) -> dict[str, Any]:
        """Return the core's arguments that make it ask this for what it keeps."""
        return {
            "fill_cache": self.fill,
            "cache_bytes": self.max_bytes,
            "cached_endpoints": endpoints,
            "learn": self.learn,
        }

    def attach(self, core: HttpServer) -> None:
        """Declare what is known before the first request, and answer :func:`cache.invalidate`."""
        self._core = core
        for path, policy in [*_declared_routes(self.app), *self._configured.items()]:
            self._declare(path, policy)
        served_caches.add(self)

    def detach(self, core: HttpServer) -> None:
        """Cancel what is under way for a server that is going."""
        if self._core is not core:
            return
        self._core = None
        for task in self._tasks:
            task.cancel()

    def invalidate(self, path: str | None) -> None:
        """Forget what is stored of a decoded path, or all. Any thread."""
        if core := self._core:
            core.cache_invalidate(path)

    def learn(self, raw_path: bytes, scope: Scope) -> None:
        """Hear from the core that an application has declared the response that it begins."""
        if self._core and scope.get("method") in ("GET", "HEAD"):
            policy = self._declared_in(raw_path, scope)
            if policy and raw_path not in self._configured:
                self._declare(raw_path, policy, learned=True)

    def _declare(self, path: bytes, policy: Policy, *, learned: bool = False) -> None:
        assert self._core
        self._core.cache_declare(
            path,
            vary=policy.vary,
            query=policy.query,
            statuses=policy.status,
            fresh_ms=policy.fresh_ms,
            stale_ms=policy.stale_ms,
            needs_lifetime=policy.opt_in,
            learned=learned,
        )

    def _declared_in(self, raw_path: bytes, scope: Scope) -> Policy | None:
        if policy := self._configured.get(raw_path):
            return policy
        if declared := scope["extensions"].get(EXTENSION) if scope.get("extensions") else None:
            try:
                return Policy.from_mapping(declared)
            except (OptionError, TypeError) as error:
                self.warn(raw_path, str(error))
                return None
        return policy_of(scope.get("endpoint"))

    def fill(
        self,
        number: int,
        path: bytes,
        query: bytes,
        scheme: str,
        host: bytes,
        fields: list[tuple[bytes, bytes]],
    ) -> None:
        """Begin to make a response. Called by the core, which hears of the end by ``number``."""
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": self.spec_version},
            "http_version": "1.1",
            "server": None,
            "client": None,
            "scheme": scheme,
            "root_path": self.root_path,
            "headers": [(b"host", host), *fields],
            "state": self.state.copy(),
            "method": "GET",
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode() + path,
            "query_string": query,
            "extensions": {EXTENSION: {}},
        }
        run = _Fill(self, number, path, scope)
        task = asyncio.get_running_loop().create_task(run.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def complete(self, fill: _Fill, body: bytes) -> None:
        """Hand the core what a fill has brought, if the application has declared it."""
        if not (core := self._core):
            return
        policy = self._declared_in(fill.path, fill.scope)
        if policy is None:
            logger.debug("GET %s: not stored, nothing declares it.", fill.path.decode())
            core.cache_fail(fill.number)
            return
        if fill.status not in policy.status:
            self.fail(fill, "its status is none that is stored")
            return
        # The same bytes have the same tag in every process.
        etag = b'"' + hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b'"'
        problem = core.cache_complete(
            fill.number,
            fill.status,
            fill.headers,
            body,
            etag,
            fresh_ms=policy.fresh_ms,
            stale_ms=policy.stale_ms,
            vary=policy.vary,
        )
        if problem:
            self.warn(fill.path, problem)

    def fail(self, fill: _Fill, problem: str) -> None:
        """Tell the core that a fill has brought nothing."""
        if core := self._core:
            core.cache_fail(fill.number)
            self.warn(fill.path, problem)

    def warn(self, path: bytes, problem: str) -> None:
        """Say once for each path why its response is not stored."""
        if path in self._warned or len(self._warned) >= _WARNINGS:
            return
        self._warned.add(path)
        logger.warning("The response of GET %s is not stored: %s.", path.decode(), problem)


def served_cache(
    config: Config, app: ASGI3Application, state: dict[str, Any], extensions: tuple[str, ...]
) -> ServedCache | None:
    """Make the cache of a configuration; None if nothing declares a response.

    Args:
        config: Its options ``cache`` and ``cache_bytes`` count.
        app: What it has loaded, as requests run it.
        state: The lifespan's.
        extensions: That the scopes offer.

    Raises:
        OptionError: one of them cannot be used.
    """
    size = config.cache_bytes
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise OptionError(f"cache_bytes {size!r} is no number of bytes.")
    rules = (config.cache,) if isinstance(config.cache, str) else tuple(config.cache)
    served = ServedCache(
        app,
        state=state,
        root_path=config.root_path,
        spec_version=config.asgi_spec,
        rules=rules,
        max_bytes=size,
    )
    return served if size and (rules or endpoints or EXTENSION in extensions) else None


def detach_cache(core: HttpServer) -> None:
    """Let go of a server that is closed."""
    for served in list(served_caches):
        served.detach(core)


class _Fill:
    """One run of the application: what it receives, and what it sends."""

    def __init__(self, served: ServedCache, number: int, path: bytes, scope: Scope) -> None:
        self.served = served
        self.number = number
        self.path = path
        self.scope = scope
        self.status = 0
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        self._body: list[bytes] = []
        self._size = 0
        self._asked = False
        self._done = False
        self._over = asyncio.Event()

    async def run(self) -> None:
        try:
            async with asyncio.timeout(FILL_SECONDS) as limit:
                await self.served.app(self.scope, self.receive, self.send)
        except BaseException as error:
            # A line is enough, unlike in run_asgi: the request itself goes to the application.
            logger.debug("Exception in ASGI application\n", exc_info=error)
            if limit.expired():
                self._end(f"the application was not done after {FILL_SECONDS:g} seconds")
            else:
                self._end(f"the application failed, asked without what is in no key: {error!r}")
        else:
            self._end("the application did not complete it")

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._done:
            raise ClientDisconnected("The response is not wanted.")
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.get("headers", ())
            self.headers = tuple((bytes(name), bytes(value)) for name, value in headers)
        elif message["type"] == "http.response.body":
            self._take(bytes(message.get("body", b"")), more=bool(message.get("more_body")))

    def _take(self, body: bytes, *, more: bool) -> None:
        self._body.append(body)
        self._size += len(body)
        if self._size > self.served.max_bytes:
            self._end(f"it is longer than {self.served.max_bytes} bytes")
        elif more and not any(name.lower() == b"content-length" for name, _ in self.headers):
            self._end("it is streamed without a Content-Length")
        elif not more:
            self._done = True
            self._over.set()
            self.served.complete(self, b"".join(self._body))

    def _end(self, problem: str) -> None:
        if self._done:
            return
        self._done = True
        self._over.set()
        self.served.fail(self, problem)


def _declared_routes(app: Any) -> list[tuple[bytes, Policy]]:
    """Return the paths of declared endpoints, where the application can tell them.

    Of those with parameters, or with a name that is not their own, the server hears when they
    answer. A path that belongs to another endpoint after all is noticed by the first fill.
    """
    while not hasattr(app, "url_path_for"):  # middleware names what it wraps so
        inner = getattr(app, "app", None)
        if inner is None or inner is app:
            return []
        app = inner
    found = []
    for endpoint, policy in endpoints.items():
        try:
            path = str(app.url_path_for(getattr(endpoint, "__name__", "")))
        except Exception:  # the application's own lookup finds none
            continue
        found.append((quote(path, safe=_UNESCAPED).encode("ascii"), policy))
    return found
