"""_cache_fill: what the application sees of the cache, and what becomes of its answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fasterapi_asgi import _cache_fill, cache
from fasterapi_asgi._cache_fill import ServedCache
from fasterapi_asgi.errors import ClientDisconnected

BODY = {"type": "http.response.body", "body": b"body"}


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


class FakeCore:
    """Remembers what becomes of each fill."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.refusal: str | None = None

    def cache_declare(self, path: bytes, **declared: Any) -> None:
        self.told.append(("declare", path, declared))

    def cache_complete(
        self, number: int, status: int, headers: Any, body: bytes, etag: bytes, **declared: Any
    ) -> Any:
        self.told.append(("complete", number, status, headers, body, etag))
        assert declared.keys() == {"fresh_ms", "stale_ms", "vary"}
        return self.refusal

    def cache_fail(self, number: int) -> None:
        self.told.append(("fail", number))

    def cache_invalidate(self, path: str | None) -> None:
        self.told.append(("invalidate", path))


class Filling:
    """An application's cache, and the core that it talks to."""

    def __init__(self, app: Any, rules: tuple[str, ...] = ("GET /a",), root_path: str = "") -> None:
        self.core: Any = FakeCore()
        self.served = ServedCache(
            app,
            state={"from": "lifespan"},
            root_path=root_path,
            spec_version="2.3",
            rules=rules,
            max_bytes=10,
        )
        self.served.attach(self.core)
        self.core.told.clear()

    def begin(self, path: bytes = b"/a", number: int = 7, query: bytes = b"") -> None:
        fields = [(b"accept", b"x")]
        self.served.fill(number, path, query, "https", b"host:1", fields)

    async def end(self) -> list[Any]:
        await asyncio.gather(*self.served._tasks)
        self.served.detach(self.core)
        return list(self.core.told)


def told_of(app: Any, **arguments: Any) -> list[Any]:
    async def main() -> list[Any]:
        filling = Filling(app, **arguments)
        filling.begin()
        return await filling.end()

    return asyncio.run(main())


def answering(*messages: dict[str, Any]) -> Callable[..., Awaitable[None]]:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def test_the_application_sees_the_key_and_nothing_else() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        await send(start())
        await send(BODY)
        assert await receive() == {"type": "http.disconnect"}

    async def main() -> None:
        filling = Filling(app, root_path="/outer")
        filling.begin(b"/a%C3%A4%2F", query=b"q=%20")
        await filling.end()
        assert scopes[0]["state"] is not filling.served.state

    asyncio.run(main())
    assert scopes == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": None,
            "client": None,
            "scheme": "https",
            "root_path": "/outer",
            "headers": [(b"host", b"host:1"), (b"accept", b"x")],
            "state": {"from": "lifespan"},
            "method": "GET",
            "path": "/outer/aä/",
            "raw_path": b"/outer/a%C3%A4%2F",
            "query_string": b"q=%20",
            "extensions": {"fasterapi.cache": {}},
        }
    ]


def test_a_whole_response_is_handed_over() -> None:
    headers = ((bytearray(b"X-A"), memoryview(b"b")), (b"content-length", b"8"))
    messages = (start(*headers), BODY | {"more_body": True}, BODY)
    ((what, number, status, fields, body, etag),) = told_of(answering(*messages))
    assert (what, number, status, body) == ("complete", 7, 200, b"bodybody")
    assert fields == ((b"X-A", b"b"), (b"content-length", b"8"))
    assert len(etag) == 34 and etag[:1] == etag[-1:] == b'"'


FAILED = [("fail", 7)]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ((), "the application did not complete it"),
        ((start(),), "the application did not complete it"),
        ((start(), BODY | {"body": b"x" * 11}), "it is longer than 10 bytes"),
        ((start(), BODY | {"more_body": True}), "it is streamed without a Content-Length"),
    ],
)
def test_what_is_no_whole_response_fails(
    caplog: pytest.LogCaptureFixture, messages: Any, text: str
) -> None:
    assert told_of(answering(*messages)) == FAILED
    assert caplog.messages == [f"The response of GET /a is not stored: {text}."]


@pytest.mark.parametrize("error", [RuntimeError("x"), SystemExit(), KeyboardInterrupt()])
def test_an_application_that_fails_fails_for_the_cache_alone(
    caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    async def app(*_: Any) -> None:
        raise error

    assert told_of(app) == FAILED
    text = f"the application failed, asked without what is in no key: {error!r}"
    assert caplog.messages == [f"The response of GET /a is not stored: {text}."]


def test_an_application_that_takes_too_long_is_cancelled(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def app(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(_cache_fill, "FILL_SECONDS", 0.01)
    assert told_of(app) == FAILED
    text = "the application was not done after 0.01 seconds"
    assert caplog.messages == [f"The response of GET /a is not stored: {text}."]


def test_what_comes_behind_the_response_is_not_wanted(caplog: pytest.LogCaptureFixture) -> None:
    raised: list[BaseException] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        await send(BODY)
        try:
            await send(BODY)
        except OSError as error:
            raised.append(error)
            raise

    assert [told[0] for told in told_of(app)] == ["complete"]
    assert isinstance(raised[0], ClientDisconnected)
    assert caplog.messages == []


def test_what_nothing_declares_is_not_stored(caplog: pytest.LogCaptureFixture) -> None:
    assert told_of(answering(start(), BODY), rules=()) == FAILED
    assert caplog.messages == []


@pytest.mark.parametrize("declared", [{"max_age": 60}, {"max_age": None}, {"query": ("q",)}])
def test_the_extension_declares(declared: dict[str, Any]) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["extensions"]["fasterapi.cache"].update(declared)
        await send(start())
        await send(BODY)

    assert [told[0] for told in told_of(app, rules=())] == ["complete"]


def test_a_refusal_is_said_once_for_each_path(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        filling = Filling(answering(start(), BODY), ("GET /a", "GET /b"))
        filling.core.refusal = "the core has refused it"
        for path in (b"/a", b"/a", b"/b", b"/a"):
            filling.begin(path)
        await filling.end()

    asyncio.run(main())
    text = "is not stored: the core has refused it."
    assert caplog.messages == [f"The response of GET {path} {text}" for path in ("/a", "/b")]


def test_the_log_is_not_a_peer_s_to_fill(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[Any]:
        filling = Filling(answering())
        for number in range(150):
            filling.begin(b"/%d" % number, number)
        return await filling.end()

    assert len(asyncio.run(main())) == 150
    assert len(caplog.messages) == 100


def test_what_is_under_way_for_a_server_that_goes_is_cancelled() -> None:
    cancelled: list[bool] = []
    started = asyncio.Event()

    async def app(*_: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> list[Any]:
        filling = Filling(app)
        filling.begin()
        await started.wait()
        filling.served.detach(filling.core)
        return await filling.end()

    assert asyncio.run(main()) == []
    assert cancelled == [True]


def test_invalidation_reaches_each_server_until_it_goes() -> None:
    async def main() -> list[Any]:
        filling = Filling(answering())
        cache.invalidate("/a")
        await asyncio.to_thread(cache.invalidate)
        told = await filling.end()
        cache.invalidate()
        assert filling.core.told == told
        return told

    assert asyncio.run(main()) == [("invalidate", "/a"), ("invalidate", None)]
