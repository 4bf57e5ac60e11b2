"""An application that fails takes nothing with it: the peer is told, the server goes on."""

import asyncio
import logging
from typing import Any

import pytest
from core_server import GET, LOGGER, START, body_of, respond, serving, status_of, with_length
from loop_runner import run

LOGGED = "Exception in ASGI application\n"
ERRORS = [
    ValueError,
    asyncio.CancelledError,
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    MemoryError,
    RecursionError,
    StopAsyncIteration,
]


def fails(path: str, error: Any) -> Any:
    """An application that raises the error at the place that the path names, or answers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/good":
            return await respond(send)
        if path.endswith("/late"):
            await asyncio.sleep(0)  # not in the task's first step
        if path.startswith("/started"):
            await send(with_length(b"abcd"))
        elif path.startswith("/body"):
            await send(with_length(b"abcd"))
            await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        elif path.startswith("/complete"):
            await receive()
            await respond(send)
        raise error

    return app


def asked(app: Any) -> tuple[bytes, bytes]:
    """What a failing request and a good one after it are answered."""

    async def main() -> tuple[bytes, bytes]:
        async with serving(app, date_header=False) as place:
            failed = await place.ask()
            return failed, await place.ask(GET.replace(b"/ ", b"/good "))

    return run(main)  # type: ignore[no-any-return]


@pytest.mark.parametrize("when", ["/now", "/late"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_before_the_start_is_a_500(
    error: type[BaseException], when: str, caplog: pytest.LogCaptureFixture
) -> None:
    failed, good = asked(fails(when, error("mine")))
    assert failed == (
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n"
        b"content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error"
    )
    assert body_of(good) == b"ok"
    assert [record.message for record in caplog.records] == [LOGGED]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("place", ["/started", "/started/late", "/body", "/body/late"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_after_the_start_cuts_the_response(
    error: type[BaseException], place: str, caplog: pytest.LogCaptureFixture
) -> None:
    failed, good = asked(fails(place, error("mine")))
    assert len(body_of(failed)) < 4 and b"500" not in failed  # whatever had left before
    assert body_of(good) == b"ok"
    assert [record.message for record in caplog.records] == [LOGGED]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_after_the_end_leaves_the_response_whole(error: type[BaseException]) -> None:
    failed, good = asked(fails("/complete", error("mine")))
    assert body_of(failed) == b"ok" and body_of(good) == b"ok"


@pytest.mark.parametrize(
    ("program", "status", "text"),
    [
        ([], 500, "ASGI callable returned without starting response."),
        ([START], None, "ASGI callable returned without completing response."),
        (["return"], None, "ASGI callable should return None, but returned '42'."),
    ],
)
def test_an_application_that_returns_too_early_is_logged_in_uvicorns_words(
    program: list[Any], status: int | None, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> Any:  # noqa: ARG001
        if scope["path"] == "/good":
            return await respond(send)
        if program == ["return"]:
            return 42
        for message in program:
            await send(message)
        return None

    with caplog.at_level(logging.ERROR, LOGGER.name):
        failed, good = asked(app)
    assert (status_of(failed) == status) if status else not failed.endswith(b"0\r\n\r\n")
    assert body_of(good) == b"ok"
    assert caplog.messages == [text]


def test_an_application_that_is_no_coroutine_function_is_a_500() -> None:
    def app(scope: Any, receive: Any, send: Any) -> Any:  # noqa: ARG001
        return respond(send) if scope["path"] == "/good" else 5

    failed, good = asked(app)
    assert (status_of(failed), body_of(good)) == (500, b"ok")


def test_a_recursion_without_end_is_a_500() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/good":
            return await respond(send)
        return await app(scope, receive, send)

    failed, good = asked(app)
    assert (status_of(failed), body_of(good)) == (500, b"ok")


def test_a_cancelled_request_is_answered() -> None:
    async def main() -> tuple[int, bytes]:
        running = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            running.set()
            await asyncio.Event().wait()

        async with serving(app) as place, place.connect() as peer:
            peer.write(GET)
            await running.wait()
            (task,) = place.core.tasks
            task.cancel("stop")
            reply = await peer.all()
            assert place.core.tasks == set()
            return status_of(reply), body_of(reply)

    assert run(main) == (500, b"Internal Server Error")


def test_a_failure_does_not_disturb_requests_beside_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await asyncio.sleep(0)
        if scope["path"] == "/good":
            return await respond(send)
        raise LookupError("mine")

    async def main() -> list[int]:
        async with serving(app) as place:
            good = GET.replace(b"/ ", b"/good ")
            replies = await asyncio.gather(*(place.ask(raw) for raw in [GET, good] * 20))
            return [status_of(reply) for reply in replies]

    assert run(main) == [500, 200] * 20


def test_pipelined_requests_behind_a_failure_are_not_answered() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        paths.append(scope["path"])
        raise LookupError("mine")

    async def main() -> bytes:
        async with serving(app) as place:
            return await place.ask(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n" * 3)

    paths: list[str] = []
    assert run(main).count(b"HTTP/1.1 ") == 1 and paths == ["/a"]
