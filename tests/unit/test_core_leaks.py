"""However a server's work ends, no fd and, in a debug build, no C++ object is left behind."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from core_server import GET, LOGGER, START, Place, new_server, respond, serving
from loop_runner import run

KEPT = b"GET /%s HTTP/1.1\r\nhost: a\r\n\r\n"
PART = {"type": "http.response.body", "body": b"x" * 100_000, "more_body": True}
BODY = b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"]
    if path == "/raise":
        raise LookupError
    if path == "/wait":
        while (await receive())["type"] != "http.disconnect":
            pass
    elif path == "/flood":
        await send(START)
        while (await receive())["type"] != "http.disconnect":
            await asyncio.gather(*(send(PART) for _ in range(50)), return_exceptions=True)
    elif path == "/cut":
        await send(START)
        await send(PART)
        raise LookupError
    elif path == "/hang":
        await asyncio.Event().wait()
    await respond(send)


async def until_running(place: Place) -> None:
    while not place.core.tasks:  # noqa: ASYNC110 (there is no event to wait for)
        await asyncio.sleep(0)


async def good_and_failing(place: Place) -> None:
    for _ in range(5):
        await place.ask()
        await place.ask(GET.replace(b"/ ", b"/raise "))
        await place.ask(GET.replace(b"/ ", b"/cut "))
        await place.ask(b"nonsense\r\n\r\n")


async def pipelined(place: Place) -> None:
    async with place.connect() as peer:
        peer.write(KEPT % b"a" * 50)
        for _ in range(50):
            await peer.response()


async def reset_while(place: Place, raw: bytes) -> None:
    async with place.connect() as peer:
        peer.write(raw)
        await until_running(place)
        peer.reset()


async def reset_while_waiting(place: Place) -> None:
    await reset_while(place, KEPT % b"wait")


async def reset_while_flooding(place: Place) -> None:
    await reset_while(place, KEPT % b"flood")


async def reset_within_a_body(place: Place) -> None:
    await reset_while(place, BODY.replace(b"/body", b"/wait") + b"x" * 500_000)


async def body_that_nobody_reads(place: Place) -> None:
    async with place.connect() as peer:
        peer.write(BODY + b"x" * 500_000)
        await peer.response()


async def aborted(place: Place) -> None:
    async with place.connect() as peer, place.connect() as other:
        peer.write(KEPT % b"wait" + KEPT % b"wait")
        other.write(KEPT % b"flood")
        await until_running(place)
        place.core.abort()


async def closed(place: Place) -> None:
    async with place.connect() as peer, place.connect() as other:
        peer.write(KEPT % b"wait")
        other.write(BODY + b"x" * 10)
        await until_running(place)
        place.core.close()


async def cancelled(place: Place) -> None:
    async with place.connect() as peer:
        peer.write(KEPT % b"hang")
        await until_running(place)
        for task in place.core.tasks:
            task.cancel()
        await place.core.wait_tasks()


@pytest.fixture(autouse=True)
def no_traceback_is_kept() -> Iterator[None]:
    LOGGER.disabled = True
    yield
    LOGGER.disabled = False


@pytest.mark.parametrize(
    "scenario",
    [
        good_and_failing,
        pipelined,
        reset_while_waiting,
        reset_while_flooding,
        reset_within_a_body,
        body_that_nobody_reads,
        aborted,
        closed,
        cancelled,
    ],
)
def test_nothing_is_left(scenario: Any) -> None:
    async def main() -> None:
        async with serving(app) as place:
            await scenario(place)

    run(main, besides=())


def test_nothing_is_left_of_a_loop_that_is_closed_with_a_server_in_it() -> None:
    async def main() -> None:
        core = new_server(app)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            core.listen(sock.fileno(), 5)
            place = Place(sock, core)
        _, writer = await asyncio.open_connection(*place.address)
        writer.write(KEPT % b"wait")
        await until_running(place)
        writer.close()

    run(main, besides=())
