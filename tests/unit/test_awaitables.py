"""What receive() and send() return: awaitables that lose nothing, whoever awaits them, and how."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from core_server import GET, Place, answer, body_of, respond, serving, with_length
from loop_runner import run

KEPT = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"
EMPTY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


def within(
    program: Callable[..., Awaitable[Any]], raw: bytes = GET, meanwhile: Any = None
) -> tuple[Any, bytes]:
    """Run the program as an application's body; return its result and what was on the wire."""

    async def main() -> tuple[Any, bytes]:
        result = asyncio.get_running_loop().create_future()

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            try:
                result.set_result(await program(receive, send))
            except BaseException as error:
                result.set_exception(error)
                raise

        async with serving(app) as place, place.connect() as peer:
            peer.write(raw)
            if meanwhile is not None:
                await meanwhile(peer, place)
            wire = await peer.all() if b"close" in raw else b""
            return await result, wire

    return run(main)  # type: ignore[no-any-return]


def test_a_request_without_a_body_is_one_message_and_then_it_waits_for_the_disconnect() -> None:
    async def program(receive: Any, send: Any) -> list[Any]:  # noqa: ARG001
        first = await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        received.set()
        return [first, await waiting]

    async def meanwhile(peer: Any, place: Place) -> None:  # noqa: ARG001
        await received.wait()
        peer.reset()

    received = asyncio.Event()
    raw = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    assert within(program, raw, meanwhile)[0] == [EMPTY, GONE]


def test_after_the_response_receive_gives_the_disconnect_at_once() -> None:
    async def program(receive: Any, send: Any) -> list[Any]:
        await respond(send)
        return [await receive(), await receive()]

    assert within(program)[0] == [GONE, GONE]


def test_a_waiting_receive_ends_when_the_response_is_complete() -> None:
    async def program(receive: Any, send: Any) -> Any:
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await respond(send)
        return await waiting

    assert within(program)[0] == GONE


async def collect(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            return body


def test_a_body_comes_as_it_arrives() -> None:
    async def program(receive: Any, send: Any) -> list[Any]:
        messages = []
        for _ in range(3):
            ready.set()
            messages.append(await receive())
        await respond(send)
        return [(message["body"], message["more_body"]) for message in messages]

    async def meanwhile(peer: Any, place: Place) -> None:  # noqa: ARG001
        for part in (b"a", b"bc", b"d"):  # each when the application has had the one before
            await ready.wait()
            ready.clear()
            peer.write(part)

    ready = asyncio.Event()
    assert within(program, KEPT, meanwhile)[0] == [(b"a", True), (b"bc", True), (b"d", False)]


def test_a_cancelled_receive_loses_no_message() -> None:
    async def program(receive: Any, send: Any) -> bytes:
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receive(), 0.001)
        go_on.set()
        body = await collect(receive)
        await respond(send)
        return body

    async def meanwhile(peer: Any, place: Place) -> None:  # noqa: ARG001
        await go_on.wait()
        peer.write(b"abcd")

    go_on = asyncio.Event()
    assert within(program, KEPT, meanwhile)[0] == b"abcd"


def test_a_receive_cancelled_in_the_turn_of_its_message_loses_nothing() -> None:
    async def program(receive: Any, send: Any) -> bytes:
        waiting = asyncio.ensure_future(receive())
        waiting.add_done_callback(lambda _: None)
        await arrived.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        body = b"" if waiting.cancelled() else waiting.result()["body"]
        if len(body) < 4:
            body += await collect(receive)
        await respond(send)
        return body

    async def meanwhile(peer: Any, place: Place) -> None:  # noqa: ARG001
        peer.write(b"abcd")
        arrived.set()

    arrived = asyncio.Event()
    assert within(program, KEPT, meanwhile)[0] == b"abcd"


def test_concurrent_receives_share_the_messages() -> None:
    async def program(receive: Any, send: Any) -> list[Any]:
        waiting = [asyncio.ensure_future(receive()) for _ in range(3)]
        messages = [await first for first in asyncio.as_completed(waiting[:1])]
        await respond(send)
        return messages + [await other for other in waiting[1:]]

    result = within(program, GET)[0]
    assert result == [EMPTY, GONE, GONE]


@pytest.mark.parametrize("method", ["receive", "send"])
def test_it_is_a_coroutine_to_asyncio_and_to_collections_abc(method: str) -> None:
    async def program(receive: Any, send: Any) -> list[bool]:
        made = receive() if method == "receive" else send(with_length(b""))
        found = [
            asyncio.iscoroutine(made),
            isinstance(made, Coroutine),
            isinstance(made, Awaitable),
            inspect.isawaitable(made),
        ]
        await made
        return found

    assert within(program)[0] == [True] * 4


@pytest.mark.parametrize(
    "wrap",
    [
        lambda made: made,
        asyncio.ensure_future,
        asyncio.create_task,
        lambda made: asyncio.wait_for(made, 10),
        asyncio.shield,
        asyncio.gather,
    ],
    ids=["await", "ensure_future", "create_task", "wait_for", "shield", "gather"],
)
def test_asyncio_takes_it_wherever_it_takes_a_coroutine(wrap: Any) -> None:
    async def program(receive: Any, send: Any) -> Any:
        message = await wrap(receive())
        for part in (with_length(b"ok"), {"type": "http.response.body", "body": b"ok"}):
            await wrap(send(part))
        return message[0] if isinstance(message, list) else message

    result, wire = within(program)
    assert result == EMPTY and body_of(wire) == b"ok"


def test_it_may_be_driven_by_hand() -> None:
    async def program(receive: Any, send: Any) -> list[Any]:
        ended = []
        for made in (receive(), send(with_length(b"ok"))):
            with pytest.raises(StopIteration) as stop:
                made.send(None)
            ended.append(stop.value.value)
            made.close()
        for made in (receive(), send({"type": "http.response.body", "body": b"o", "more_body": 1})):
            with pytest.raises(LookupError, match="thrown"):
                made.throw(LookupError("thrown"))
            with pytest.raises(TypeError):
                made.throw()
        await send({"type": "http.response.body", "body": b"k"})
        return ended

    result, wire = within(program)
    assert result == [EMPTY, None] and body_of(wire) == b"ok"


def test_an_exception_thrown_into_a_waiting_receive_comes_out_and_it_may_be_awaited_again() -> None:
    async def program(receive: Any, send: Any) -> list[Any]:
        await receive()
        waiting = receive()
        future = waiting.send(None)
        assert isinstance(future, asyncio.Future) and not future.done()
        with pytest.raises(LookupError, match="thrown"):
            waiting.throw(LookupError("thrown"))
        again = receive()
        assert again.send(None) is not None
        again.close()
        await respond(send)
        return [await receive()]

    assert within(program)[0] == [GONE]


def test_what_is_never_awaited_is_no_harm() -> None:
    async def program(receive: Any, send: Any) -> None:
        for _ in range(3):
            receive()
        await respond(send)

    within(program)


def test_an_awaitable_that_outlives_the_server_says_disconnect() -> None:
    kept: list[Any] = []

    async def program(receive: Any, send: Any) -> None:
        kept.extend([receive, send, receive()])
        await respond(send)

    within(program)
    receive, send, made = kept

    async def afterwards() -> list[Any]:
        with pytest.raises(RuntimeError):
            await send({"type": "http.response.body"})
        return [await made, await receive()]

    assert asyncio.run(afterwards()) == [GONE, GONE]


def test_send_after_the_disconnect_is_silent() -> None:
    async def program(receive: Any, send: Any) -> str:
        assert (await receive())["type"] == "http.request"
        running.set()
        assert await receive() == GONE
        for message in (with_length(b"a"), {"type": "http.response.body", "body": b"a"}, {}, None):
            await send(message)
        return "silent"

    async def meanwhile(peer: Any, place: Place) -> None:  # noqa: ARG001
        await running.wait()
        peer.reset()

    running = asyncio.Event()
    raw = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    assert within(program, raw, meanwhile)[0] == "silent"


def test_send_waits_while_the_peer_does_not_read_and_goes_on_when_it_does() -> None:
    part = b"x" * 50_000
    total = 400

    async def main() -> tuple[int, int]:
        stalled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        sent = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            nonlocal sent
            await send(with_length(part * total))
            for number in range(total):
                made = send(
                    {"type": "http.response.body", "body": part, "more_body": number < total - 1}
                )
                task = asyncio.ensure_future(made)
                await asyncio.sleep(0)
                if not task.done() and not stalled.done():
                    stalled.set_result(number)
                await task
                sent += 1

        async with serving(app) as place, place.connect() as peer:
            peer.reader._limit = 2**16  # type: ignore[attr-defined]
            peer.write(GET)
            first = await stalled
            assert sent <= first + 1 < total
            return first, len(body_of(await peer.all()))

    first, received = run(main)
    assert first < total and received == len(part) * total


def test_a_stalled_send_ends_when_the_peer_goes() -> None:
    async def main() -> dict[str, Any]:
        stalled = asyncio.Event()
        ended: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        part = {"type": "http.response.body", "body": b"x" * 50_000, "more_body": True}

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                sending = asyncio.ensure_future(send(part))
                await asyncio.sleep(0)
                if not sending.done():
                    break
            stalled.set()
            await sending
            ended.set_result(await receive())

        async with serving(app) as place, place.connect() as peer:
            peer.write(GET)
            await stalled.wait()
            peer.reset()
            return await ended

    assert run(main) == GONE


def test_many_requests_on_many_connections_all_get_their_own_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = await collect(receive)
        await asyncio.sleep(0)
        await respond(send, scope["path"].encode() + body)

    async def ask(place: Place, number: int) -> bool:
        raw = b"POST /%d HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"
        return body_of(await place.ask(raw % number)) == b"/%dabc" % number

    async def main() -> list[bool]:
        async with serving(app) as place:
            return await asyncio.gather(*(ask(place, number) for number in range(100)))

    assert run(main) == [True] * 100


def test_the_shortest_application_of_all() -> None:
    async def main() -> bytes:
        async with serving(answer) as place:
            return body_of(await place.ask())

    assert run(main) == b"ok"
