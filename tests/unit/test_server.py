"""fasterapi_asgi.server: the life of a server, with a fake in place of the compiled one."""

import asyncio
import logging
import pickle
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeHttpServer
from serving import DEADLINE, ENDING, STARTING, app, core_of, make, serve, stop, until

from fasterapi_asgi import Server
from fasterapi_asgi._request import run_asgi
from fasterapi_asgi.middleware.proxy_headers import ProxyHeadersMiddleware

pytestmark = pytest.mark.usefixtures("core_is_fake")

# the whole life


def test_a_life_is_told_in_uvicorns_lines(log: pytest.LogCaptureFixture) -> None:
    server = make(port=0)

    async def meanwhile() -> int:
        port: int = server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True
        return port

    port = serve(server, meanwhile)
    running = f"Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)"
    assert log.messages == [*STARTING, running, "Shutting down", *ENDING]


def test_the_lines_with_colours_are_uvicorns(log: pytest.LogCaptureFixture) -> None:
    serve(server := make(), stop(server))
    coloured = {
        r.msg: r.__dict__["color_message"] for r in log.records if "color_message" in vars(r)
    }
    assert coloured == {
        "Started server process [%d]": "Started server process [\x1b[36m%d\x1b[0m]",
        "Finished server process [%d]": "Finished server process [\x1b[36m%d\x1b[0m]",
        "Uvicorn running on %s://%s:%d (Press CTRL+C to quit)": (
            "Uvicorn running on \x1b[1m%s://%s:%d\x1b[0m (Press CTRL+C to quit)"
        ),
    }


def test_the_steps_reach_the_core_in_order() -> None:
    server = make(backlog=5)
    cores = []

    async def meanwhile() -> None:
        cores.append(core_of(server))
        server.should_exit = True

    serve(server, meanwhile)
    assert cores[0].calls == [
        ("listen", 5),
        "stop_listening",
        "stop_listening",
        "shutdown",
        "abort",
        "stop_listening",
        "close",
    ]


def test_the_core_gets_every_option() -> None:
    options = {
        "root_path": "/api",
        "date_header": False,
        "limit_concurrency": 3,
        "limit_max_requests": 9,
        "timeout_keep_alive": 7,
    }
    server = make(headers=[("A", "b")], **options)

    async def meanwhile() -> dict[str, Any]:
        server.should_exit = True
        return core_of(server).options

    given = serve(server, meanwhile)
    assert {name: given[name] for name in options} == options
    assert given["default_headers"] == [(b"server", b"uvicorn"), (b"a", b"b")]
    assert given["run_asgi"] is run_asgi
    assert given["state"] is server.lifespan.state
    assert given["logger"] is logging.getLogger("uvicorn.error")


def test_the_core_gets_the_application_unwrapped_and_the_proxies_rules() -> None:
    server = make(forwarded_allow_ips="10.0.0.1")

    async def meanwhile() -> dict[str, Any]:
        server.should_exit = True
        return core_of(server).options

    given = serve(server, meanwhile)
    assert type(server.config.loaded_app) is ProxyHeadersMiddleware
    assert given["app"] is app
    assert [given["is_trusted"](peer) for peer in ("10.0.0.1", "127.0.0.1", "")] == [
        True,
        False,
        False,
    ]
    scope = {"type": "http", "scheme": "http", "client": ("10.0.0.1", 5)}
    scope["headers"] = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https")]
    given["apply_forwarded"](scope)
    assert (scope["client"], scope["scheme"]) == (("1.2.3.4", 0), "https")


@pytest.mark.parametrize("kind", ["off", "wrapped again"])
def test_the_core_gets_no_rules_when_the_middleware_is_not_outermost(kind: str) -> None:
    server = make(proxy_headers=kind != "off")
    server.config.load()
    if kind == "wrapped again":
        inner = server.config.loaded_app

        async def outer(*args: Any) -> Any:
            return await inner(*args)

        server.config.loaded_app = outer

    async def meanwhile() -> dict[str, Any]:
        server.should_exit = True
        return core_of(server).options

    given = serve(server, meanwhile)
    assert given["app"] is server.config.loaded_app
    assert "is_trusted" not in given and "apply_forwarded" not in given


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("timeout_keep_alive", -1, 0),
        ("timeout_keep_alive", 10**20, 1e9),
        ("limit_concurrency", -1, 0),
        ("limit_concurrency", 10**30, 2**63 - 1),
        ("limit_max_requests", 10**30, 2**63 - 1),
    ],
)
def test_a_number_outside_the_cores_range_is_brought_into_it(
    option: str, value: int, expected: float
) -> None:
    server = make(**{option: value})

    async def meanwhile() -> Any:
        server.should_exit = True
        return core_of(server).options[option]

    assert serve(server, meanwhile) == expected


def test_an_option_that_the_core_refuses_ends_the_server_before_its_lifespan(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("default header: Invalid HTTP header value.")

    monkeypatch.setattr(FakeHttpServer, "__init__", refuse)
    with pytest.raises(SystemExit) as ended:
        asyncio.run(make().serve())
    text = "An option cannot be used: default header: Invalid HTTP header value."
    assert (ended.value.code, log.messages) == (1, [*STARTING[:1], text])


def test_the_admin_address_listens_before_the_lifespan_and_until_the_requests_are_done(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "admin"
    listened: list[bool] = []

    async def looks(_scope: Any, receive: Any, send: Any) -> None:
        for phase in ("startup", "shutdown"):
            await receive()
            listened.append(path.is_socket())
            await send({"type": f"lifespan.{phase}.complete"})

    server = make(looks, admin_bind=f"unix:{path}", health_path="/live")

    async def meanwhile() -> Any:
        server.should_exit = True
        assert len(server.servers) == 1  # what listens for the application
        return core_of(server)

    core = serve(server, meanwhile)
    assert listened == [True, False]
    assert core.options["probes"] == {"health": "/live"} and core.options["admin"]
    assert core.calls == [
        ("listen_admin", 2048),
        ("listen", 2048),
        *["stop_listening"] * 2,
        "shutdown",
        "stop_listening_admin",
        "abort",
        "stop_listening",
        "close",
    ]
    assert log.messages[1] == f"Answering probes on unix:{path}"


def test_an_admin_address_that_is_taken_ends_the_server_before_its_lifespan(
    log: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SystemExit) as ended:
            asyncio.run(make(admin_bind=bind, health_path="/live").serve())
    assert (ended.value.code, len(log.messages)) == (3, 2)
    assert "address already in use" in log.messages[1]


def test_a_failed_startup_gives_the_admin_address_back(tmp_path: Path) -> None:
    async def fails(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})

    path = tmp_path / "admin"
    server = make(fails, admin_bind=f"unix:{path}", health_path="/live")

    async def main() -> None:
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        with pytest.raises(SystemExit):
            await server.startup()

    asyncio.run(main())
    assert not path.exists()


def test_a_server_can_serve_again() -> None:
    server = make()
    serve(server, stop(server))
    server.should_exit = False
    serve(server, stop(server))
    assert server.started


def test_run_serves_on_a_loop_of_its_own_in_any_thread() -> None:
    server = make()
    thread = threading.Thread(target=server.run)
    thread.start()
    asyncio.run(until(lambda: server.started))
    server.should_exit = True
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_run_needs_no_help_to_stop_a_server_that_was_told_before() -> None:
    server = make()
    server.should_exit = True
    server.run()
    assert server.started


def test_a_server_that_has_not_run_can_be_pickled() -> None:
    server = pickle.loads(pickle.dumps(make("module:app")))
    assert (server.config.app, server.should_exit) == ("module:app", False)


def test_a_cancelled_server_leaves_nothing_open() -> None:
    server = make()
    seen: list[Any] = []

    async def main() -> None:
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        seen.extend([core_of(server), *server.servers[0].sockets])
        serving.cancel()
        await asyncio.wait([serving])

    asyncio.run(main())
    assert seen[0].calls[-1] == "close"
    assert (seen[1].fileno(), server.servers[0].sockets) == (-1, ())


# sockets


def test_given_sockets_are_listened_on_without_a_line_and_closed_at_the_end(
    log: pytest.LogCaptureFixture,
) -> None:
    server = make()
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    async def meanwhile() -> list[Any]:
        server.should_exit = True
        return [list(listener.sockets) for listener in server.servers]

    assert serve(server, meanwhile, sockets=sockets) == [[sock] for sock in sockets]
    assert [sock.fileno() for sock in sockets] == [-1, -1]
    assert not [text for text in log.messages if "running on" in text]


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"host": "192.0.2.1"}, 3, "192.0.2.1"),
        ({"port": 65536}, 1, "--port 65536 is not a port"),
        ({"uds": "/no/such/folder/s"}, 1, "--uds '/no/such/folder/s' cannot be bound"),
        ({"fd": 9999}, 1, "--fd 9999 cannot be used"),
    ],
)
def test_a_socket_that_cannot_be_had_ends_the_server_after_its_lifespan(
    options: dict[str, Any], code: int, text: str, log: pytest.LogCaptureFixture
) -> None:
    server = make(**options)
    with pytest.raises(SystemExit) as ended:
        asyncio.run(server.serve())
    assert (ended.value.code, server.started) == (code, False)
    assert log.messages[:3] == STARTING
    assert text in log.messages[3]
    assert log.messages[4:] == ENDING[:2]


# lifespan


def test_a_failed_startup_ends_the_server_with_code_3(log: pytest.LogCaptureFixture) -> None:
    async def fails(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    server = make(fails)
    with pytest.raises(SystemExit) as ended:
        asyncio.run(server.serve())
    assert (ended.value.code, server.started) == (3, False)
    assert log.messages == [
        *STARTING[:2],
        "no database",
        "Application startup failed. Exiting.",
    ]


async def hangs_at_startup(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.Event().wait()


async def hangs_at_shutdown(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.Event().wait()


@pytest.mark.parametrize("application", [hangs_at_startup, hangs_at_shutdown])
def test_a_lifespan_that_hangs_is_given_up_when_the_exit_is_forced(
    application: Any, log: pytest.LogCaptureFixture
) -> None:
    server = make(application)
    line = "startup" if application is hangs_at_startup else "shutdown"

    async def main() -> None:
        serving = asyncio.create_task(server.serve())
        if line == "shutdown":
            await until(lambda: server.started)
            server.should_exit = True
        await until(lambda: f"Waiting for application {line}." in log.messages)
        server.should_exit = server.force_exit = True
        await asyncio.wait_for(serving, DEADLINE)

    asyncio.run(main())
    assert server.started is (line == "shutdown")


# the main loop


def test_an_idle_server_does_not_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    server = make()
    timers: list[float] = []
    original = asyncio.SelectorEventLoop.call_at

    def call_at(self: Any, when: float, *args: Any, **kwargs: Any) -> Any:
        timers.append(when - self.time())
        return original(self, when, *args, **kwargs)

    async def main() -> list[float]:
        serving = asyncio.create_task(server.serve())
        monkeypatch.setattr(asyncio.SelectorEventLoop, "call_at", call_at)
        while not server.started:  # noqa: ASYNC110 (a timer would be seen)
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        seen = timers[:]
        server.should_exit = True
        await asyncio.wait_for(serving, DEADLINE)
        return seen

    assert asyncio.run(main()) == []


def test_should_exit_from_another_thread_ends_it() -> None:
    server = make()

    async def meanwhile() -> None:
        await asyncio.to_thread(setattr, server, "should_exit", True)

    serve(server, meanwhile)
    assert server.should_exit


def test_the_server_stops_after_its_maximum_of_requests(log: pytest.LogCaptureFixture) -> None:
    server = make(limit_max_requests=2)

    async def meanwhile() -> None:
        core_of(server).respond()
        core_of(server).respond()

    serve(server, meanwhile)
    assert "Maximum request limit of 2 exceeded. Terminating process." in log.messages
    assert server.server_state.total_requests == 2


def test_a_maximum_of_0_requests_stops_at_once(log: pytest.LogCaptureFixture) -> None:
    server = make(limit_max_requests=0)
    asyncio.run(server.serve())
    assert "Maximum request limit of 0 exceeded. Terminating process." in log.messages


def test_the_jitter_is_added_once() -> None:
    server = make(limit_max_requests=10, limit_max_requests_jitter=5)
    limits = {
        make(limit_max_requests=10, limit_max_requests_jitter=5).limit_max_requests
        for _ in range(200)
    }
    assert limits == {10, 11, 12, 13, 14, 15}
    assert server.limit_max_requests == server.limit_max_requests
    assert make().limit_max_requests is None


def test_callback_notify_is_called_at_once_and_every_timeout_notify_seconds() -> None:
    called: list[float] = []
    server: Server

    async def notify() -> None:
        called.append(server.last_notified)
        server.should_exit = len(called) == 2

    server = make(callback_notify=notify, timeout_notify=0)
    asyncio.run(asyncio.wait_for(server.serve(), DEADLINE))
    assert len(called) == 2
    assert 0 < called[0] < called[1] == server.last_notified


def test_a_subclass_with_its_own_on_tick_is_asked_again_and_again() -> None:
    class Ticking(Server):
        ticks = 0

        async def on_tick(self, counter: int) -> bool:
            self.ticks += 1
            return counter == 2

    server = make(kind=Ticking)
    asyncio.run(asyncio.wait_for(server.serve(), DEADLINE))
    assert isinstance(server, Ticking) and server.ticks == 3


def test_every_step_is_called_on_self() -> None:
    called: list[str] = []

    class Watching(Server):
        async def startup(self, sockets: Any = None) -> None:
            called.append("startup")
            await super().startup(sockets)

        async def main_loop(self) -> None:
            called.append("main_loop")

        async def shutdown(self, sockets: Any = None) -> None:
            called.append("shutdown")
            await super().shutdown(sockets)

    asyncio.run(make(kind=Watching).serve())
    assert called == ["startup", "main_loop", "shutdown"]


def test_startup_main_loop_and_shutdown_can_be_called_one_by_one() -> None:
    server = make()

    async def main() -> None:
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup()
        asyncio.get_running_loop().call_soon(setattr, server, "should_exit", True)
        await asyncio.wait_for(server.main_loop(), DEADLINE)
        await server.shutdown()

    asyncio.run(main())
    assert server.started and server.servers[0].sockets == ()


def test_shutdown_may_be_called_while_serve_runs(log: pytest.LogCaptureFixture) -> None:
    server = make()

    async def meanwhile() -> None:
        await server.shutdown()
        server.should_exit = True

    serve(server, meanwhile)
    assert log.messages[-1] == ENDING[-1]


# counters


def test_the_server_state_shows_what_the_core_does() -> None:
    server = make(headers=[("a", "b")])

    async def meanwhile() -> None:
        state, core = server.server_state, core_of(server)
        assert (len(state.connections), len(state.tasks), state.total_requests) == (0, 0, 0)
        core.connect()
        core.connect()
        core.respond()
        task = core.start_task(asyncio.sleep(0))
        assert (len(state.connections), state.tasks, state.total_requests) == (2, {task}, 1)
        names = [name for name, _ in state.default_headers]
        assert names == [b"date", b"server", b"a"]
        core.disconnect(2)
        server.should_exit = True

    serve(server, meanwhile)
    state = server.server_state
    assert (len(state.connections), state.tasks, state.total_requests) == (0, set(), 1)


def test_before_the_start_the_server_state_is_empty() -> None:
    state = make().server_state
    assert (list(state.connections), state.tasks, state.total_requests) == ([], set(), 0)
    assert state.default_headers == []


# access log


@pytest.mark.parametrize("enabled", [True, False])
def test_the_access_log_is_chosen_after_the_lifespans_startup(enabled: bool) -> None:
    logger = logging.getLogger("uvicorn.access")

    async def adds_a_handler(scope: Any, receive: Any, send: Any) -> None:
        logger.addHandler(logging.NullHandler())
        await app(scope, receive, send)

    server = make(adds_a_handler, access_log=enabled)

    async def meanwhile() -> Any:
        server.should_exit = True
        return core_of(server).access_log

    record, settings = serve(server, meanwhile)
    assert (callable(record), settings) == (enabled, {})
