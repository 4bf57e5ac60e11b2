"""Probes: what the server says about itself, on every loop, whatever the application is at."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import wire
import wire_server
from asking import ask
from wire import get
from wire_server import WireServer

PATHS = ("--health-path=/-/live", "--ready-path=/-/ready")
TEXTS = {"/-/live": b"ok\n", "/-/ready": b"ready\n"}


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    running = WireServer("wire_app:app", *PATHS, loop=wire_server.loop_of(request))
    yield running
    running.stop()


def read_probe(client: wire.Wire, status: int, body: bytes, method: str = "GET") -> wire.Response:
    response = client.read_response(method)
    assert (response.status, response.body) == (status, b"" if method == "HEAD" else body)
    assert response.values("cache-control") == ["no-store"]
    assert response.values("content-type") == ["text/plain; charset=utf-8"]
    assert response.values("content-length") == [str(len(body))]
    assert not response.closes
    return response


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", TEXTS)
def test_a_probe_is_answered_however_it_comes(
    client: wire.Wire, delivery: str, path: str, method: str
) -> None:
    client.deliver(get(path, method=method), delivery)
    read_probe(client, 200, TEXTS[path], method)
    if delivery == "with trailing bytes":
        assert client.read_response().body == b"trailing"


@pytest.mark.parametrize("path", TEXTS)
def test_a_probe_is_not_for_other_methods(client: wire.Wire, delivery: str, path: str) -> None:
    client.deliver(get(path, method="POST"), delivery)
    response = read_probe(client, 405, b"method not allowed\n")
    assert response.values("allow") == ["GET, HEAD"]
    if delivery == "with trailing bytes":
        assert client.read_response().body == b"trailing"


def test_a_pipeline_may_mix_probes_and_requests(client: wire.Wire) -> None:
    client.send(get("/-/live") + get("/") + get("http://a/-/ready?x") + get("/"))
    read_probe(client, 200, b"ok\n")
    assert client.read_response().body == b"root"
    read_probe(client, 200, b"ready\n")
    assert client.read_response().body == b"root"


def test_a_probe_is_answered_in_front_of_a_handler_that_holds_the_loop(
    server: WireServer, client: wire.Wire, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with wire.Wire(server.port) as other:
        for connection in (client, other):  # both are known to the server
            connection.send(get("/"))
            assert connection.read_response().body == b"root"
        with server.stopped():
            other.send(get(f"/hold/{fifo.name}?{tmp_path}"))
            client.send(get("/-/live"))
        # Opens as soon as the handler reads; from then on the loop does nothing else.
        with fifo.open("wb"):
            read_probe(client, 200, b"ok\n")
            assert other.nothing_received()
        assert other.read_response().body == b"held"


@pytest.fixture(params=wire_server.LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return wire_server.loop_of(request)


def test_probes_are_answered_above_the_limit_of_concurrency(loop: str) -> None:
    server = WireServer("wire_app:app", *PATHS, "--limit-concurrency=3", loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        waiting = stack.enter_context(wire.Wire(server.port))
        waiting.send(get("/wait/limit"))
        assert ask(server, "/note/limit").json() == "waiting"
        client, idle = (stack.enter_context(wire.Wire(server.port)) for _ in range(2))
        for connection in (idle, client):
            connection.send(get("/-/live") + get("/-/ready"))
            read_probe(connection, 200, b"ok\n")
            read_probe(connection, 200, b"ready\n")
        client.send(get("/"))
        assert client.read_response().status == 503
        assert client.read_to_end() == b""
        idle.close()
        while ask(server, "/open/limit").status == 503:  # until the server has seen that
            pass
        assert waiting.read_response().body == b"limit"
