"""send(): order, types and shapes of messages, with uvicorn's words; what is accepted."""

import asyncio
from types import MappingProxyType
from typing import Any

import pytest
from core_server import END, GET, START, body_of, serving, uvicorn_serving, with_length
from loop_runner import run

from fasterapi_asgi.loops import new_event_loop

BODY = {"type": "http.response.body", "body": b"ab", "more_body": True}


def start(*headers: Any, status: Any = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


# What an application sends, the last of it wrong.
MISTAKES: dict[str, list[Any]] = {
    "body first": [END],
    "start twice": [START, START],
    "start between bodies": [START, BODY, START],
    "body after the end": [START, END, END],
    "start after the end": [START, END, START],
    "another type first": [{"type": "websocket.send"}],
    "another type after the start": [START, {"type": "http.response.trailers"}],
    "another type at the end": [START, END, {"type": "x"}],
    "a type that is no string": [{"type": 1}],
    "bad header name": [start((b"a b", b"c"))],
    "bad header name, empty line": [start((b"a\r\n", b"c"))],
    "bad header value": [start((b"a", b"b\nc"))],
    "bad header value, zero": [start((b"a", b"b\0c"))],
    "body too long": [with_length(b"a"), {"type": "http.response.body", "body": b"ab"}],
    "body too short": [with_length(b"abc"), {"type": "http.response.body", "body": b"ab"}],
    "body too short in parts": [with_length(b"abc"), BODY, END],
}
# Here uvicorn's words are those of whatever happened to fail: only the kind of the error counts.
SHAPES: dict[str, list[Any]] = {
    "no type": [{}],
    "no type after the start": [START, {}],
    "no status": [{"type": "http.response.start"}],
    "not a mapping": [None],
    "a number": [5],
    "status is text": [start(status="200")],
    "status is None": [start(status=None)],
    "headers are a number": [{**START, "headers": 5}],
    "header is no pair": [start(5)],
    "header of one": [start((b"a",))],
    "header of three": [start((b"a", b"b", b"c"))],
    "header name is text": [start(("a", b"b"))],
    "header value is text": [start((b"a", "b"))],
    "header value is a number": [start((b"a", 1))],
    "body is text": [START, {"type": "http.response.body", "body": "text"}],
    "body is None": [START, {"type": "http.response.body", "body": None}],
    "body is a number": [START, {"type": "http.response.body", "body": 5}],
    "content-length is no number": [start((b"content-length", b"x"))],
    "content-length is negative": [start((b"content-length", b"-1"))],
}


def outcomes(serve: Any, factory: Any, table: dict[str, list[Any]]) -> dict[str, Any]:
    """The error that the last message of each row raises."""
    found: dict[str, Any] = {}

    async def main() -> None:
        for name, messages in table.items():

            async def app(_scope: Any, _receive: Any, send: Any, messages: Any = messages) -> None:
                for message in messages[:-1]:
                    await send(message)
                try:
                    await send(messages[-1])
                except Exception as error:
                    found[name] = error  # noqa: B023
                    raise

            async with serve(app) as place:
                await place.ask()

    run(main, factory=factory)
    return found


@pytest.fixture(scope="module")
def mistakes() -> tuple[dict[str, Any], dict[str, Any]]:
    theirs = outcomes(uvicorn_serving, asyncio.SelectorEventLoop, MISTAKES)
    return outcomes(serving, new_event_loop, MISTAKES), theirs


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_uvicorns_error(mistakes: Any, name: str) -> None:
    ours, theirs = mistakes
    assert (type(ours[name]), str(ours[name])) == (type(theirs[name]), str(theirs[name]))


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    return outcomes(serving, new_event_loop, SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_wrong_shape_raises_an_error_that_names_it(shapes: Any, name: str) -> None:
    assert isinstance(shapes[name], (TypeError, KeyError, ValueError, RuntimeError))
    assert str(shapes[name])


def sent_by(*messages: Any, raw: bytes = GET) -> bytes:
    """What an application that sends these messages puts on the wire."""

    async def main() -> bytes:
        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            for message in messages:
                await send(message)

        async with serving(app, date_header=False) as place:
            return await place.ask(raw)

    return run(main)  # type: ignore[no-any-return]


@pytest.mark.parametrize("status", [99, 100, 199, 600, 999, 2**31, 2**70, -1, 0])
def test_a_status_that_is_none_is_refused(status: int) -> None:
    assert sent_by(start(status=status), END).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("status", [200, 204, 299, 304, 404, 418, 499, 599, True + 199])
def test_every_final_status_is_sent(status: int) -> None:
    assert sent_by(start(status=status), END).startswith(b"HTTP/1.1 %d " % status)


HEADERS = [(b"X-A", b"1"), (b"content-length", b"0")]


@pytest.mark.parametrize(
    "kind",
    [
        list,
        tuple,
        lambda pairs: [list(pair) for pair in pairs],
        iter,
        lambda pairs: (pair for pair in pairs),
        lambda pairs: dict(pairs).items(),
        lambda pairs: [(bytearray(name), memoryview(value)) for name, value in pairs],
        lambda pairs: [(type("Bytes", (bytes,), {})(name), value) for name, value in pairs],
    ],
    ids=["list", "tuple", "lists", "iterator", "generator", "items", "buffers", "subclass"],
)
def test_headers_may_be_any_iterable_of_pairs_of_bytes(kind: Any) -> None:
    head = {"type": "http.response.start", "status": 200, "headers": kind(HEADERS)}
    reply = sent_by(head, END)
    assert reply == b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def test_headers_may_be_missing() -> None:
    reply = sent_by({"type": "http.response.start", "status": 200}, END)
    assert reply.startswith(b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked")


@pytest.mark.parametrize("size", [0, 1, 8192, 8193, 100_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, type("Bytes", (bytes,), {})])
def test_a_body_may_be_anything_like_bytes(kind: Any, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    message = {"type": "http.response.body", "body": kind(body)}
    assert body_of(sent_by(with_length(body), message)) == body


def test_a_buffer_may_be_used_again_when_send_has_returned() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await send(with_length(b"a" * 60_000))
        buffer = bytearray(20_000)
        for more in (True, True, False):
            buffer[:] = b"a" * 20_000
            await send({"type": "http.response.body", "body": buffer, "more_body": more})
            buffer[:] = b"b" * 20_000
        buffer.clear()  # a buffer that is still held cannot be resized

    async def main() -> bytes:
        async with serving(app) as place:
            return await place.ask()

    assert body_of(run(main)) == b"a" * 60_000


def test_a_view_that_is_not_contiguous_is_refused() -> None:
    message = {"type": "http.response.body", "body": memoryview(b"abcd")[::2]}
    assert body_of(sent_by(START, message)) == b""


@pytest.mark.parametrize("wrap", [dict, MappingProxyType, type("Own", (dict,), {})])
def test_a_message_may_be_any_mapping(wrap: Any) -> None:
    message = {"type": "http.response.body", "body": b"ab"}
    assert body_of(sent_by(wrap(with_length(b"ab")), wrap(message))) == b"ab"


@pytest.mark.parametrize("more", [1, "yes", [0]])
def test_more_body_is_any_truth(more: Any) -> None:
    first = {"type": "http.response.body", "body": b"a", "more_body": more}
    assert body_of(sent_by(with_length(b"ab"), first, {**END, "body": b"b"})) == b"ab"


def test_a_message_that_fails_while_it_is_read_is_the_applications_error() -> None:
    class Failing(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise LookupError(key)

    class Truth:
        def __bool__(self) -> bool:
            raise LookupError("truth")

    assert sent_by(Failing()).startswith(b"HTTP/1.1 500 ")
    assert body_of(sent_by(START, {**END, "more_body": Truth()})) == b""


def test_a_message_that_closes_the_server_while_it_is_read_is_no_harm() -> None:
    async def main() -> None:
        place: Any = None

        class Closing(dict[str, Any]):
            def __getitem__(self, key: str) -> Any:
                place.core.abort()
                return dict.__getitem__(self, key)

        class Headers(list[Any]):
            def __iter__(self) -> Any:
                place.core.abort()
                return super().__iter__()

        for messages in (
            [Closing(START), END],
            [START, Closing(END)],
            [{**START, "headers": Headers()}, END],
            [{**START, "headers": (place.core.abort() for _ in "a")}, END],
        ):

            async def app(_scope: Any, _receive: Any, send: Any, messages: Any = messages) -> None:
                for message in messages:
                    await send(message)

            async with serving(app) as place:
                assert await place.ask() == b""

    run(main)


@pytest.mark.parametrize("place", ["header name", "header value", "body"])
def test_a_buffer_that_closes_the_server_while_it_is_read_is_no_harm(place: str) -> None:
    class Closing:  # a buffer in Python from 3.12 on, an error before
        def __buffer__(self, flags: int) -> memoryview:
            headers.clear()
            servers[0].core.abort()
            return memoryview(b"x")

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await send({**START, "headers": headers})
        await send({**END, "body": Closing() if place == "body" else b""})

    async def main() -> None:
        async with serving(app) as server:
            servers.append(server)
            assert not body_of(await server.ask()).startswith(b"x")

    servers: list[Any] = []
    headers: list[Any] = [(b"a", b"b"), (b"c", b"d")]
    if place != "body":
        headers[0] = (Closing(), b"b") if place == "header name" else (b"a", Closing())
    run(main)


def test_a_wrong_head_may_be_followed_by_a_right_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        for headers in ([(b"a b", b"c")], [(b"a", b"b\n")], [(b"a", 5)], [5], 5):
            with pytest.raises((RuntimeError, TypeError)):
                await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(with_length(b"ab"))
        await send({"type": "http.response.body", "body": b"ab"})

    async def main() -> bytes:
        async with serving(app, date_header=False) as place:
            return await place.ask()

    expected = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nab"
    assert run(main) == expected
