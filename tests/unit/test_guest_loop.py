"""_core.GuestLoop: a server in a loop that is not ours works as in ours, and leaves no trace."""

import asyncio
import contextvars
import gc
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from core_server import GET, Place, answer, body_of, new_server, respond, serving, with_length
from loop_runner import (
    DEADLINE,
    collect_errors,
    must_print,
    nothing_left,
    open_fds,
    python,
    run,
)

from fasterapi_asgi import Config, Server, new_event_loop
from fasterapi_asgi._core import GuestLoop
from fasterapi_asgi._http_server import close_http_server

try:
    import uvloop
except ImportError:  # no wheel for this Python
    LOOPS = [asyncio.new_event_loop]
else:
    LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
    uvloop.new_event_loop().close()  # its libuv keeps two fds for the process, as ours does

KEPT = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")

Factory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=LOOPS, ids=lambda factory: factory.__module__.partition(".")[0])
def factory(request: pytest.FixtureRequest) -> Factory:
    return request.param  # type: ignore[no-any-return]


class Watched(asyncio.SelectorEventLoop):
    """Tells what has been left in it, and counts what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.soon = 0
        self.later = 0

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self.soon += getattr(callback, "__self__", None).__class__ is GuestLoop
        return super().call_soon(callback, *args, context=context)

    def call_later(self, delay: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        self.later += getattr(callback, "__self__", None).__class__ is GuestLoop
        return super().call_later(delay, callback, *args, context=context)

    def left(self) -> tuple[set[Any], list[Any], list[Any]]:
        """What it watches, its timers, its callbacks; of its own wake-up only the fd."""
        inside: Any = self
        handles = [*inside._scheduled], [*inside._ready]
        timers, ready = ([handle for handle in some if not handle.cancelled()] for some in handles)
        return set(inside._selector.get_map()), timers, ready


def guest_of(place: Place) -> GuestLoop:
    assert isinstance(place.core.loop, GuestLoop)
    return place.core.loop


async def held_back(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    """Answers from a step that no turn of ours runs."""
    await asyncio.sleep(0)
    await respond(send)


# the turn


@pytest.mark.parametrize("app", [answer, held_back])
def test_requests_are_answered(factory: Factory, app: Any) -> None:
    async def main() -> None:
        async with serving(app) as place:
            async with place.connect() as peer:
                for _ in range(10):
                    peer.write(KEPT * 3)
                    for _ in range(3):
                        assert await peer.response() == b"ok"
            replies = await asyncio.gather(*(place.ask() for _ in range(50)))
            assert [body_of(reply) for reply in replies] == [b"ok"] * 50

    run(main, factory=factory)


@pytest.mark.parametrize("app", [answer, held_back])
def test_an_idle_guest_sleeps(factory: Factory, app: Any) -> None:
    """Between the answer and the end of the keep-alive time, only the timer makes turns."""

    async def main() -> tuple[float, int]:
        async with serving(app, timeout_keep_alive=0.5) as place, place.connect() as peer:
            guest = guest_of(place)
            peer.write(KEPT)
            await peer.response()
            for _ in range(10):
                await asyncio.sleep(0)
            started, turns = time.monotonic(), guest.turns
            assert await peer.all() == b""
            return time.monotonic() - started, guest.turns - turns

    seconds, turns = run(main, factory=factory)
    assert 0.4 < seconds < 5
    assert 1 <= turns <= 4


def test_a_request_costs_one_callback_and_no_timer() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Watched)
        async with serving(held_back) as place, place.connect() as peer:
            peer.write(KEPT)
            await peer.response()
            soon, later = loop.soon, loop.later
            for _ in range(100):
                peer.write(KEPT)
                await peer.response()
            # The callback brings a turn when the answer is there; before eager tasks one callback
            # waits for the first step.
            most = 100 if sys.version_info >= (3, 12) else 200
            assert loop.soon - soon <= most
            assert loop.later == later == 2  # until the first byte, and until the next request

    run(main, factory=Watched)


def test_many_sends_of_one_step_want_one_turn() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Watched)
        await asyncio.sleep(0)
        for _ in range(3):  # until the turns that the start has asked for are over
            await asyncio.sleep(0)
        before = loop.soon
        await send(with_length(b"x" * 100))
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        wanted.append(loop.soon - before)

    async def main() -> None:
        async with serving(app) as place:
            assert body_of(await place.ask()) == b"x" * 100

    wanted: list[int] = []
    run(main, factory=Watched)
    assert wanted == [1]


def test_an_earlier_deadline_is_kept_beside_a_later_one(factory: Factory) -> None:
    async def main() -> None:
        guest = GuestLoop(asyncio.get_running_loop())
        try:
            await both(guest)
        finally:
            guest.close()

    async def both(guest: GuestLoop) -> None:
        slow = serving(loop=guest, timeout_keep_alive=1000)
        quick = serving(loop=guest, timeout_keep_alive=0.05)
        async with slow as first, first.connect() as waiting:
            waiting.write(KEPT)
            await waiting.response()
            async with quick as second, second.connect() as ending:
                ending.write(KEPT)
                await ending.response()
                assert await ending.all() == b""
                waiting.write(KEPT)
                assert await waiting.response() == b"ok"

    run(main, factory=factory)


def test_turns_run_in_the_context_of_the_start() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await asyncio.sleep(0)
        VARIABLE.set("of a request")
        await respond(send)

    async def main() -> None:
        VARIABLE.set("of the start")
        async with serving(app, limit_max_requests=1, on_max_requests=look) as place:
            VARIABLE.set("later")
            await place.ask()

    def look() -> None:
        seen.append(VARIABLE.get())

    seen: list[str] = []
    run(main, factory=asyncio.new_event_loop)
    assert seen == ["of the start"]


def test_a_task_that_ends_behind_its_response_is_waited_for(factory: Factory) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await respond(send)
        await release.wait()

    async def main() -> None:
        async with serving(app) as place:
            await place.ask()
            tasks = place.core.wait_tasks()
            assert not tasks.done()
            release.set()
            await tasks

    release = asyncio.Event()
    run(main, factory=factory)


def test_debug_mode_finds_nothing(factory: Factory) -> None:
    async def main() -> list[Any]:
        errors = collect_errors(asyncio.get_running_loop())
        async with serving(held_back) as place:
            assert body_of(await place.ask()) == b"ok"
        return errors

    assert run(main, factory=factory, debug=True) == []


def test_a_request_takes_one_turn_if_its_first_step_runs_at_once(factory: Factory) -> None:
    """Before eager tasks (Python 3.12) the loop runs it, and another turn sends the answer."""

    async def main() -> int:
        async with serving() as place, place.connect() as peer:
            peer.write(KEPT)
            await peer.response()
            turns = guest_of(place).turns
            for _ in range(10):
                peer.write(KEPT)
                await peer.response()
            return guest_of(place).turns - turns

    assert run(main, factory=factory) == (10 if sys.version_info >= (3, 12) else 20)


# tasks that are cancelled before they began; on our own loop too, where their making is not ours


@pytest.mark.parametrize("loop_factory", [*LOOPS, new_event_loop])
def test_a_request_whose_task_is_cancelled_before_its_first_step_ends(loop_factory: Any) -> None:
    def cancelled(loop: Any, coroutine: Any, **options: Any) -> Any:
        task = asyncio.Task(coroutine, loop=loop, **options)
        if "run_asgi" in repr(coroutine):
            task.cancel()
        return task

    async def main() -> bytes:
        async with serving(answer) as place:
            asyncio.get_running_loop().set_task_factory(cancelled)
            return await place.ask()

    assert run(main, factory=loop_factory).startswith(b"HTTP/1.1 500 ")


# the end


@pytest.mark.parametrize("app", [answer, held_back])
def test_the_loop_is_left_as_it_was(app: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Watched)
        before, fds = loop.left(), open_fds()
        place = serving(app, timeout_keep_alive=1000)
        async with place as place_, place_.connect() as peer:
            peer.write(KEPT)
            await peer.response()
            assert loop.left() != before
        await asyncio.sleep(0)
        assert loop.left() == before
        assert open_fds() == fds

    run(main, factory=Watched)


def test_a_closed_guest_does_nothing_any_more(factory: Factory) -> None:
    async def main() -> None:
        guest = GuestLoop(asyncio.get_running_loop())
        guest.close()
        guest.close()
        turns = guest.turns
        guest.pump()
        await asyncio.sleep(0)
        assert guest.turns == turns
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            new_server(loop=guest)

    run(main, factory=factory)


def test_a_guest_may_be_closed_with_servers_in_it(factory: Factory) -> None:
    async def main() -> None:
        async with serving() as place, place.connect() as peer:
            peer.write(KEPT)
            await peer.response()
            waiting = place.core.wait_disconnected()
            guest_of(place).close()
            await waiting
            assert await peer.all() == b""

    run(main, factory=factory)


@pytest.mark.parametrize("late", [False, True])
def test_an_application_may_close_the_guest_that_serves_it(factory: Factory, late: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        if late:
            await asyncio.sleep(0)
        close_http_server(places[0].core)
        await respond(send)

    async def main() -> None:
        async with serving(app) as place:
            places.append(place)
            assert await place.ask() == b""
        places.clear()

    places: list[Place] = []
    run(main, factory=factory)


def test_the_loop_may_be_closed_first(factory: Factory) -> None:
    async def main() -> Any:
        core = new_server(timeout_keep_alive=1000)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            core.listen(sock.fileno(), 5)
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(KEPT)
            await reader.readuntil(b"ok")
            writer.close()
        return core

    with nothing_left(besides=()):
        with asyncio.Runner(loop_factory=factory) as runner:
            core = runner.run(main())
        close_http_server(core)
        del core, runner


def test_what_a_closed_loop_of_another_thread_has_left_is_collected_here(factory: Factory) -> None:
    async def main() -> Any:
        core = new_server()
        with socket.create_server(("127.0.0.1", 0)) as sock:
            core.listen(sock.fileno(), 5)
        await asyncio.sleep(0)
        return core

    def serve() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            left.append(runner.run(main()))

    left: list[Any] = []
    with nothing_left(besides=()):
        thread = threading.Thread(target=serve)
        thread.start()
        thread.join(DEADLINE)
        assert len(left) == 1
        left.clear()


def test_what_is_given_up_is_collected(factory: Factory) -> None:
    with nothing_left(besides=()):
        loop = factory()

        async def main() -> None:
            core = new_server()
            with socket.create_server(("127.0.0.1", 0)) as sock:
                core.listen(sock.fileno(), 5)
            await asyncio.sleep(0)

        loop.run_until_complete(main())
        loop.close()
        del loop


def test_a_loop_without_readers_is_refused() -> None:
    class Bare(asyncio.SelectorEventLoop):
        def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
            raise NotImplementedError("no readers here")

    async def main() -> None:
        with pytest.raises(NotImplementedError, match="no readers here"):
            GuestLoop(asyncio.get_running_loop())

    run(main, factory=Bare, besides=())


def test_another_thread_is_refused() -> None:
    async def main() -> None:
        async with serving() as place:
            with pytest.raises(RuntimeError, match="belongs to the thread of its loop"):
                await asyncio.to_thread(guest_of(place).close)
            with pytest.raises(RuntimeError, match="belongs to the thread of its loop"):
                await asyncio.to_thread(place.core.abort)
            assert body_of(await place.ask()) == b"ok"

    run(main, factory=asyncio.new_event_loop)


def test_a_server_that_another_thread_drops_ends_in_the_loops(factory: Factory) -> None:
    async def main() -> None:
        async with serving() as place, place.connect() as peer:
            guest = guest_of(place)
            held = [new_server(loop=guest)]
            with socket.create_server(("127.0.0.1", 0)) as sock:
                held[0].listen(sock.fileno(), 5)
                other = Place(sock)
                async with other.connect() as ending:
                    ending.write(KEPT)
                    await ending.response()
                    await asyncio.to_thread(held.clear)
                    assert await ending.all() == b""
            peer.write(KEPT)
            assert await peer.response() == b"ok"

    run(main, factory=factory)


# Server.serve()


@contextmanager
def stopped_at_the_end(*servers: Server) -> Iterator[None]:
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True


def make(app: Any = answer, **options: Any) -> Server:
    return Server(Config(app, port=0, log_config=None, lifespan="off", **options))


async def started(server: Server, serving: "asyncio.Task[None]") -> Place:
    async with asyncio.timeout(DEADLINE):
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.001)
    return Place(server.servers[0].sockets[0], server._core)


async def use(place: Place) -> None:
    assert body_of(await place.ask()) == b"ok"


@pytest.mark.parametrize("rounds", [1, 2])
def test_servers_are_served_side_by_side_and_one_after_the_other(
    factory: Factory, rounds: int
) -> None:
    async def main() -> None:
        for _ in range(rounds):
            servers = make(), make(held_back)
            tasks = [asyncio.create_task(server.serve()) for server in servers]
            with stopped_at_the_end(*servers):
                for server, task in zip(servers, tasks, strict=True):
                    await use(await started(server, task))
            await asyncio.gather(*tasks)

    run(main, factory=factory)


def test_a_server_in_another_thread_is_told_to_stop_from_here(factory: Factory) -> None:
    def serve() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(server.serve())

    server = make()
    thread = threading.Thread(target=serve)
    with nothing_left():
        thread.start()
        with stopped_at_the_end(server):
            deadline = time.monotonic() + DEADLINE
            while not server.started:
                assert thread.is_alive() and time.monotonic() < deadline
                time.sleep(0.001)
            with socket.create_connection(server.servers[0].sockets[0].getsockname()) as client:
                client.sendall(GET)
                reply = b""
                while part := client.recv(1000):
                    reply += part
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert body_of(reply) == b"ok"


def test_a_cancelled_server_leaves_the_loop_as_it_was() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Watched)
        (fds, timers, _), files = loop.left(), open_fds()
        server = make(timeout_keep_alive=1000)
        task = asyncio.create_task(server.serve())
        place = await started(server, task)
        async with place.connect() as peer:
            peer.write(KEPT)
            await peer.response()
            assert loop.left()[0] > fds
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await peer.all() == b""
        await asyncio.sleep(0)
        assert loop.left() == (fds, timers, [])
        assert open_fds() == files

    run(main, factory=Watched)


IDLE = """
import asyncio, os, signal, threading, time
from fasterapi_asgi import Config, Server
async def app(scope, receive, send): ...
def kill():
    while not server.started:
        time.sleep(0.001)
    stat = f"/proc/self/task/{{os.getpid()}}/stat"
    while open(stat).read().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.001)
    os.kill(os.getpid(), signal.{signal})
server = Server(Config(app, port=0, lifespan="off", log_config=None))
threading.Thread(target=kill).start()
started = time.monotonic()
try:
    {run}
except KeyboardInterrupt:
    print("interrupted")
print("in time" if time.monotonic() - started < 10 else "late", server.started)
"""
RUNS = {
    "asyncio": "asyncio.run(server.serve())",
    "uvloop": "import uvloop; uvloop.run(server.serve())",
}


@pytest.mark.parametrize("name", [factory.__module__.partition(".")[0] for factory in LOOPS])
def test_an_idle_guest_hears_of_ctrl_c_at_once(name: str) -> None:
    program = IDLE.format(signal="SIGINT", run=RUNS[name])
    must_print(program, "interrupted\nin time True\n")


def test_a_guest_on_whatever_loop_asyncio_makes_is_what_none_means() -> None:
    program = IDLE.format(signal="SIGTERM", run="server.config.loop = 'none'; server.run()")
    ended = python(program)
    assert (ended.returncode, ended.stdout) == (-15, "")


def test_a_guest_that_is_forgotten_by_a_running_loop_goes_on(factory: Factory) -> None:
    """The loop keeps what it has been given to call, as it keeps a transport."""

    async def main() -> None:
        core = new_server()
        guest = core.loop
        assert isinstance(guest, GuestLoop)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            core.listen(sock.fileno(), 5)
            del guest
            gc.collect()
            await use(Place(sock))
        close_http_server(core)

    run(main, factory=factory)
