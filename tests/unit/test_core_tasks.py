"""Each request has a genuine asyncio.Task: everything that asks for it finds what asyncio gives."""

import asyncio
import contextvars
import threading
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from core_server import GET, Place, answer, body_of, respond, serving
from loop_runner import run
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")
KEPT = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def requests(app: Any, count: int, before: Any = None) -> list[bytes]:
    """The bodies of so many pipelined requests on one connection."""

    async def main() -> list[bytes]:
        if before is not None:
            before(asyncio.get_running_loop())
        async with serving(app) as place, place.connect() as peer:
            peer.write(KEPT * count)
            return [await peer.response() for _ in range(count)]

    return run(main)  # type: ignore[no-any-return]


def test_the_task_is_asyncios_own_and_known_to_it() -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        for _ in range(2):  # in the first step and in a later one
            task = asyncio.current_task()
            assert task is not None and type(task) is asyncio.Task
            assert task in asyncio.all_tasks()
            assert not task.done() and task.cancelling() == 0
            assert asyncio.iscoroutine(task.get_coro()) and task.get_name()
            await asyncio.sleep(0)
        tasks.append(task)
        await respond(send)

    requests(app, 3)
    assert len(set(tasks)) == 3 and all(task.done() for task in tasks)


def test_nobody_is_the_current_task_of_the_loop_itself() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        done = asyncio.Event()

        def look() -> None:
            seen.append(asyncio.current_task())
            done.set()

        asyncio.get_running_loop().call_soon(look)
        await done.wait()
        await respond(send)

    seen: list[Any] = []
    requests(app, 2)
    assert seen == [None, None]


def test_pipelined_requests_do_not_see_each_others_context() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append(VARIABLE.get())
        VARIABLE.set("of a request")
        await asyncio.sleep(0)
        seen.append(VARIABLE.get())
        await respond(send)

    VARIABLE.set("of the server")
    requests(app, 3)
    assert seen == ["of the server", "of a request"] * 3
    assert VARIABLE.get() == "of the server"


@pytest.mark.parametrize("way", ["factory", "debug", "instance", "class"])
def test_whoever_has_a_say_in_making_tasks_is_asked(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def before(loop: Any) -> None:
        original = asyncio.BaseEventLoop.create_task if way == "class" else loop.create_task

        def create_task(*args: Any, **options: Any) -> Any:
            made.append(args)
            return original(*args, **options)

        def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
            made.append(coroutine)
            return asyncio.Task(coroutine, loop=loop, **options)

        if way == "factory":
            loop.set_task_factory(factory)
        elif way == "debug":
            loop.set_debug(True)
        elif way == "instance":
            loop.create_task = create_task
        else:
            monkeypatch.setattr(asyncio.BaseEventLoop, "create_task", create_task)

    assert requests(answer, 3, before) == [b"ok"] * 3
    assert way == "debug" or len(made) >= 3


def test_requests_share_the_worker_threads_of_anyio() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        threads.add(await anyio.to_thread.run_sync(threading.get_ident))
        await respond(send)

    async def main() -> None:
        async with serving(app) as place, place.connect() as peer:
            for _ in range(300):  # each request is over before the next one begins
                peer.write(KEPT)
                assert await peer.response() == b"ok"

    threads: set[int] = set()
    run(main)
    assert len(threads) == 1


def test_at_most_as_many_worker_threads_as_anyio_allows() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        threads.add(await anyio.to_thread.run_sync(threading.get_ident))
        await respond(send)

    async def main() -> list[bytes]:
        async with serving(app) as place:
            return await asyncio.gather(*(place.ask() for _ in range(300)))

    threads: set[int] = set()
    assert all(body_of(reply) == b"ok" for reply in run(main))
    assert len(threads) <= 40  # anyio's limit


async def in_anyio(send: Any) -> None:
    async def child() -> None:
        await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(child)
    with anyio.move_on_after(0) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    await respond(send)


async def in_task_group(send: Any) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
    assert [task.result() for task in tasks] == [0, 1, 2]
    with pytest.raises(ExceptionGroup):  # noqa: PT012 (the group is what raises)
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
            raise LookupError
    await respond(send)


async def in_timeouts(send: Any) -> None:
    for seconds in (0, 0.001):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
    await respond(send)


async def in_cancellation(send: Any) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    task.uncancel()
    await respond(send)


@pytest.mark.parametrize("program", [in_anyio, in_task_group, in_timeouts, in_cancellation])
@pytest.mark.parametrize("late", [False, True])
def test_structured_concurrency_works_in_the_first_step_and_later(program: Any, late: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        if late:
            await asyncio.sleep(0)
        await program(send)

    assert requests(app, 2) == [b"ok"] * 2


def test_base_http_middleware_and_streams_work() -> None:
    class Own(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            response = await call_next(request)
            response.headers["x-own"] = "1"
            return response

    async def plain(request: Any) -> Any:
        return PlainTextResponse(await request.body())

    async def stream(request: Any) -> Any:  # noqa: ARG001
        async def parts() -> Any:
            for part in (b"a", b"b", b"c"):
                yield part
                await asyncio.sleep(0)

        return StreamingResponse(parts())

    routes = [Route("/plain", plain, methods=["POST"]), Route("/stream", stream)]
    app = Starlette(routes=routes, middleware=[Middleware(Own), Middleware(Own)])

    async def main() -> None:
        async with serving(app) as place:
            await check(place)

    async def check(place: Place) -> None:
        head = b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabcd"
        reply = await place.ask(b"POST /plain" + head)
        assert body_of(reply) == b"abcd" and b"x-own: 1" in reply
        reply = await place.ask(GET.replace(b"/ ", b"/stream "))
        assert body_of(reply) == b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"

    run(main)


def test_a_task_that_the_request_started_outlives_it() -> None:
    async def background(done: asyncio.Event) -> None:
        await asyncio.sleep(0)
        done.set()

    async def main() -> None:
        done = asyncio.Event()
        tasks: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            tasks.append(asyncio.create_task(background(done)))
            await respond(send)

        async with serving(app) as place:
            await place.ask()
            await done.wait()

    run(main)
