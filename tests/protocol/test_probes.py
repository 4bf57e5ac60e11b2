"""Probes: what the server says about itself, on every loop, whatever the application is at."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import probes_app
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


def metrics_of(server: WireServer) -> dict[str, float]:
    """The samples by series, without the label that all of them have."""
    response = ask(server, "/metrics")
    assert response.values("content-type") == ["text/plain; version=0.0.4; charset=utf-8"]
    worker = re.compile(r'worker="\d+",?')
    samples = [
        line.rpartition(" ")
        for line in response.body.decode().splitlines()
        if not line.startswith("#")
    ]
    return {worker.sub("", series).replace("{}", ""): float(value) for series, _, value in samples}


def test_what_is_counted_can_be_read(loop: str) -> None:
    server = WireServer("wire_app:app", *PATHS, "--metrics-path=/metrics", loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        assert metrics_of(server)["fasterapi_connections_total"] == 1
        ask(server, "/-/live")
        ask(server, "/")
        assert ask(server, "/raise/before").status == 500
        with wire.Wire(server.port) as waiting:
            waiting.send(get("/wait/metrics"))
            assert ask(server, "/note/metrics").json() == "waiting"
            assert metrics_of(server)["fasterapi_requests_in_flight"] == 1
            ask(server, "/open/metrics")
            assert waiting.read_response().body == b"metrics"
        found = metrics_of(server)
    assert found['fasterapi_requests_total{status="200"}'] == 4
    assert found['fasterapi_requests_total{status="500"}'] == 1
    assert found["fasterapi_requests_in_flight"] == 0
    assert found["fasterapi_request_duration_seconds_count"] == 5
    assert found["fasterapi_queue_delay_seconds_count"] == 5
    assert found["fasterapi_loop_lag_seconds_count"] > 5
    assert found["fasterapi_connections_total"] == 9
    assert found["fasterapi_received_bytes_total"] > 9 * len(get("/"))


def test_a_turn_that_holds_the_loop_is_counted_as_lag(tmp_path: Path) -> None:
    server = WireServer("wire_app:app", "--metrics-path=/metrics")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with ExitStack() as stack:
        stack.callback(server.stop)
        client = stack.enter_context(wire.Wire(server.port))
        client.send(get(f"/hold/{fifo.name}?{tmp_path}"))
        with fifo.open("wb"):
            assert not client.is_closed_within(0.11)
        assert client.read_response().body == b"held"
        found = metrics_of(server)
    lag = "fasterapi_loop_lag_seconds"
    assert found[f"{lag}_count"] - found[f'{lag}_bucket{{le="0.1"}}'] == 1
    assert found[f"{lag}_sum"] >= 0.1


# --- --admin-bind

ADMIN = re.compile(r"Answering probes on http://127\.0\.0\.1:(\d+)")


def ask_admin(server: WireServer, path: str) -> tuple[int, bytes]:
    response = ask(server, path)
    return response.status, response.body


def test_the_admin_address_answers_from_before_the_start_up_until_the_requests_are_done(
    loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setenv(probes_app.FIFO, str(fifo))
    options = (*PATHS, "--metrics-path=/metrics", "--admin-bind=127.0.0.1:0")
    server = WireServer("probes_app:app", *options, loop=loop, announced=ADMIN)
    assert ask_admin(server, "/-/live") == (200, b"ok\n")
    assert ask_admin(server, "/-/ready") == (503, b"starting\n")
    assert ask_admin(server, "/") == (404, b"not found\n")
    fifo.write_bytes(b"")
    main_port = int(server.log.wait_for(wire_server.RUNNING)[1])
    assert ask_admin(server, "/-/ready") == (200, b"ready\n")
    with wire.Wire(main_port) as client:
        for path in ("/-/live", "/-/ready", "/metrics"):
            client.send(get(path))
            assert client.read_response().body == path.encode()
        *request, last = wire.post("/last", b"end")
        client.send(bytes(request))
        while metrics_of(server)["fasterapi_requests_in_flight"] != 1:
            pass
        server.send_signal(signal.SIGTERM)
        server.log.wait_for("Waiting for connections to close")
        assert ask_admin(server, "/-/ready") == (503, b"draining\n")
        assert ask_admin(server, "/-/live") == (200, b"ok\n")
        found = metrics_of(server)
        client.send(bytes([last]))
        assert client.read_response().body == b"/lastend"
    server.wait_for_exit(signal.SIGTERM)
    assert found['fasterapi_requests_total{status="200"}'] == 3
    assert found["fasterapi_connections"] == 1
    assert found["fasterapi_connections_total"] == 1
    with pytest.raises(ConnectionRefusedError):
        wire.Wire(server.port)


def test_a_connection_of_the_admin_address_does_not_keep_the_server(loop: str) -> None:
    server = WireServer(
        "wire_app:app", *PATHS, "--admin-bind=127.0.0.1:0", loop=loop, announced=ADMIN
    )
    server.log.wait_for(wire_server.RUNNING)
    with wire.Wire(server.port) as kept:
        kept.send(get("/-/ready"))
        read_probe(kept, 200, b"ready\n")
        assert "Waiting for connections" not in server.stop()
        assert kept.read_to_end() == b""
