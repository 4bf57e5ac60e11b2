"""_core.HttpServer: arguments, listening, counting, limits, stop."""

import asyncio
import gc
import logging
import os
import socket
from typing import Any

import pytest
from core_server import GET, LOGGER, answer, new_server, respond, serving, status_of
from loop_runner import a_loop, must_print, run

from fasterapi_asgi._core import HttpServer

KEPT = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def make(loop: Any, **options: Any) -> HttpServer:
    given = {"app": answer, "run_asgi": print, "logger": LOGGER, "state": {}, **options}
    return HttpServer(loop=loop, **given)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"loop": 1}, TypeError, "loop must be a fasterapi_asgi.EventLoop, not int"),
        ({"state": []}, TypeError, "must be dict, not list"),
        ({"root_path": b"/"}, TypeError, "must be str"),
        ({"colour": 1}, TypeError, "colour"),
        ({"limit_concurrency": -1}, ValueError, "limit_concurrency must not be negative, got -1"),
        ({"limit_max_requests": "1"}, TypeError, "int"),
        ({"timeout_keep_alive": -1}, ValueError, "timeout_keep_alive"),
        ({"timeout_keep_alive": float("nan")}, ValueError, "timeout_keep_alive"),
        ({"timeout_keep_alive": float("inf")}, ValueError, "timeout_keep_alive"),
        ({"timeout_keep_alive": None}, TypeError, "real number"),
        ({"default_headers": 1}, TypeError, "default_headers must be a list of pairs"),
        ({"default_headers": [b"ab"]}, TypeError, "bytes-like"),
        ({"default_headers": [("a", "b")]}, TypeError, "bytes-like"),
        ({"default_headers": [(b"a b", b"c")]}, ValueError, "Invalid HTTP header name"),
        ({"default_headers": [(b"a", b"b\nc")]}, ValueError, "Invalid HTTP header value"),
    ],
)
def test_a_wrong_argument_is_refused(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with a_loop() as loop, pytest.raises(error, match=text):
        make(**{"loop": loop, **options})


def test_the_arguments_that_have_no_default_are_named() -> None:
    with pytest.raises(TypeError, match="needs loop, app, run_asgi, logger and state"):
        HttpServer()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        HttpServer(1)  # type: ignore[misc, call-arg]


def test_a_server_without_init_refuses_every_call() -> None:
    bare = HttpServer.__new__(HttpServer)
    for call in (bare.close, bare.abort, bare.shutdown, bare.wait_tasks, lambda: bare.tasks):
        with pytest.raises(RuntimeError, match="not initialised"):
            call()


def test_a_server_is_made_once() -> None:
    with a_loop() as loop:
        server = make(loop)
        with pytest.raises(RuntimeError, match="made already"):
            server.__init__(loop=loop, app=1, run_asgi=1, logger=1, state={})  # type: ignore[misc]
        server.close()


def test_a_closed_loop_is_refused() -> None:
    must_print(
        """
from fasterapi_asgi import new_event_loop
from fasterapi_asgi._core import HttpServer
loop = new_event_loop()
loop.close()
try:
    HttpServer(loop=loop, app=1, run_asgi=1, logger=1, state={})
except RuntimeError as error:
    print(error)
""",
        "Event loop is closed\n",
    )


def test_a_closed_server_does_not_listen_again() -> None:
    must_print(
        """
import socket
from fasterapi_asgi import new_event_loop
from fasterapi_asgi._core import HttpServer
loop = new_event_loop()
server = HttpServer(loop=loop, app=1, run_asgi=1, logger=1, state={})
server.close()
with socket.create_server(("127.0.0.1", 0)) as sock:
    try:
        server.listen(sock.fileno(), 5)
    except RuntimeError as error:
        print(error)
loop.close()
""",
        "the server is closed\n",
    )


def test_what_cannot_listen_is_an_os_error() -> None:
    async def main() -> None:
        async with serving() as place:
            one, other = socket.socketpair()
            with one, other, socket.socket(type=socket.SOCK_DGRAM) as datagram:
                datagram.bind(("127.0.0.1", 0))
                null = os.open(os.devnull, os.O_RDONLY)
                for fd in (-1, 10**6, null, one.fileno(), datagram.fileno()):
                    with pytest.raises(OSError, match=r"\[Errno"):
                        place.core.listen(fd, 5)
                os.close(null)
            with pytest.raises(TypeError):
                place.core.listen("1", 5)

    run(main)


def test_it_listens_on_a_duplicate_and_on_several_sockets() -> None:
    async def main() -> None:
        async with serving() as place:
            with socket.create_server(("127.0.0.1", 0)) as second:
                place.core.listen(second.fileno(), 5)
                address = second.getsockname()
            reader, writer = await asyncio.open_connection(*address)  # closed here, open there
            writer.write(GET)
            assert status_of(await reader.read()) == 200
            writer.close()
            assert status_of(await place.ask()) == 200

    run(main)


def test_connections_tasks_and_responses_are_counted() -> None:
    async def main() -> None:
        go_on, running = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            running.set()
            await go_on.wait()
            await respond(send)

        async with serving(app) as place:
            core = place.core
            assert (core.connections, core.tasks, core.total_requests) == (0, set(), 0)
            async with place.connect() as peer:
                peer.write(KEPT)
                await running.wait()
                (task,) = core.tasks
                assert isinstance(task, asyncio.Task) and core.tasks is not core.tasks
                assert (core.connections, core.total_requests) == (1, 0)
                tasks_done, disconnected = core.wait_tasks(), core.wait_disconnected()
                go_on.set()
                assert await peer.response() == b"ok"
                await tasks_done
                assert (core.tasks, core.connections, core.total_requests) == (set(), 1, 1)
                assert not disconnected.done()
            await disconnected
            assert core.connections == 0

    run(main)


def test_a_wait_for_nothing_is_done_at_once() -> None:
    async def main() -> None:
        server = new_server()
        assert server.wait_tasks().done() and server.wait_disconnected().done()
        server.close()
        assert server.wait_tasks().done() and server.wait_disconnected().done()

    run(main)


def test_a_cancelled_wait_does_not_disturb_the_others() -> None:
    async def main() -> None:
        async with serving() as place:
            async with place.connect() as peer:
                peer.write(KEPT)
                await peer.response()
                first, second = place.core.wait_disconnected(), place.core.wait_disconnected()
                first.cancel()
            await second

    run(main)


def test_the_stop_lets_a_response_finish_and_closes_idle_connections() -> None:
    async def main() -> None:
        go_on, running = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            if scope["path"] == "/slow":
                running.set()
                await go_on.wait()
            await respond(send)

        async with serving(app) as place, place.connect() as idle, place.connect() as busy:
            idle.write(KEPT)
            await idle.response()
            busy.write(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
            await running.wait()
            place.core.stop_listening()
            place.core.shutdown()
            assert await idle.all() == b""
            with pytest.raises(ConnectionError):
                await asyncio.open_connection(*refusing(place))
            go_on.set()
            assert b"connection: close" in (response := await busy.all())
            assert response.endswith(b"ok")

    run(main)


def refusing(place: Any) -> tuple[str, int]:
    place.sock.close()  # it was the last one that listened
    return place.address  # type: ignore[no-any-return]


def test_abort_closes_everything_and_applications_hear_of_it() -> None:
    async def main() -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            await receive()
            heard.put_nowait("running")
            heard.put_nowait((await receive())["type"])
            await respond(send)  # silent

        async with serving(app) as place, place.connect() as peer:
            peer.write(KEPT)
            assert await heard.get() == "running"
            place.core.abort()
            assert await heard.get() == "http.disconnect"
            assert await peer.all() == b""
            assert place.core.connections == 0

    run(main)


def test_close_ends_the_wait_of_an_application() -> None:
    async def main() -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            await receive()
            heard.put_nowait("running")
            heard.put_nowait((await receive())["type"])

        async with serving(app) as place, place.connect() as peer:
            peer.write(KEPT)
            assert await heard.get() == "running"
            tasks = place.core.tasks
            place.core.close()
            assert await heard.get() == "http.disconnect"
            await asyncio.wait(tasks)

    run(main)


def test_close_is_safe_in_every_place_that_runs_python() -> None:
    async def main() -> None:
        async def closing(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            box[0].close()
            await respond(send)
            assert (await receive())["type"] == "http.disconnect"

        box: list[HttpServer] = []
        for options in (
            {"app": closing},
            {"is_trusted": lambda _host: box[0].close()},
            {"is_trusted": lambda _host: True, "apply_forwarded": lambda _scope: box[0].close()},
            {"limit_max_requests": 1, "on_max_requests": lambda: box[0].close()},  # noqa: PLW0108
        ):
            async with serving(**options) as place:
                box[:] = [place.core]
                raw = GET.replace(b"host", b"x-forwarded-for: 1.2.3.4\r\nhost")
                await place.ask(raw * 3)

    run(main)


def test_a_forgotten_server_is_collected() -> None:
    async def main() -> None:
        server = new_server()
        with socket.create_server(("127.0.0.1", 0)) as sock:
            server.listen(sock.fileno(), 5)
        del server
        gc.collect()

    run(main)


def test_warnings_about_peers_go_to_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving() as place:
            assert status_of(await place.ask(b"nonsense\r\n\r\n")) == 400

    with caplog.at_level(logging.WARNING, LOGGER.name):
        run(main)
    assert caplog.messages[0].startswith("Invalid HTTP request received.")
