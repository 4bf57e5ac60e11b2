"""Checks of the instrument itself: `pytest benchmarks/test_load.py`; needs uvicorn and g++."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import load_tool, machine
from suite.load_tool import Load
from suite.servers import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run the counting application on uvicorn."""
    load_tool.build()
    with Server("uvicorn", "counted") as running:
        yield running


def _answered(server: Server) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/count")
        return int(connection.getresponse().read())


LOADS = (
    (Load(connections=64), "--seconds=0.3", "--warmup=0.1"),
    (Load(connections=7, pipeline=16), "--requests=5000", "--warmup=0"),
    (Load(connections=1), "--requests=1", "--warmup=0"),
    (Load("/stream", connections=3), "--requests=50", "--warmup=0.1"),
    (Load("/echo", connections=8, body=1024), "--seconds=0.3", "--warmup=0.1"),
    (Load("/echo", connections=4, pipeline=3, body=2_000_000), "--requests=24", "--warmup=0"),
    (Load(connections=8), "--rate=2000", "--seconds=0.3", "--warmup=0.1"),
    (Load(connections=4), "--header=Connection: close", "--seconds=0.2", "--warmup=0.1"),
)


@pytest.mark.parametrize("case", LOADS, ids=lambda case: f"{case[0].path} {case[1]}")
def test_the_load_counts_the_requests_that_the_app_counts(
    server: Server, case: tuple[Load, *tuple[str, ...]]
) -> None:
    before = _answered(server)
    found = load_tool.run(case[0], server.port, *case[1:])
    assert found["all_requests"] == _answered(server) - before
    assert found["errors"] == 0


def test_requests_mode_sends_exactly_that_many(server: Server) -> None:
    found = load_tool.run(Load(connections=7, pipeline=16), server.port, "--requests=1001")
    assert found["requests"] == 1001


def test_the_open_loop_keeps_its_rate(server: Server) -> None:
    found = load_tool.run(Load(connections=4), server.port, "--rate=1000", "--seconds=0.5")
    assert found["requests"] == 500
    assert found["rps"] == pytest.approx(1000, rel=0.05)


def test_the_measured_server_is_charged_for_its_cpu_only_while_measured(server: Server) -> None:
    found = load_tool.measure(Load(connections=8), server, 0.3, 0.1)
    assert 0 < found["server_cpu_us"] < 1e6 / found["rps"] * 1.2


def test_server_and_load_run_on_different_cores_even_once_pinned() -> None:
    with machine.pinned(machine.LOAD_CORE), Server("uvicorn") as running:
        assert os.sched_getaffinity(running.pid) == {machine.SERVER_CORE}
    if os.cpu_count() != 1:
        assert machine.SERVER_CORE != machine.LOAD_CORE


@pytest.mark.parametrize("host", ["10.0.0.1", "0.0.0.0", "::", "example.org", "128.0.0.1"])
def test_only_loopback_addresses_are_accepted(host: str) -> None:
    command = [str(load_tool.build()), "--host", host, "--port", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not a loopback address" in done.stderr


@contextlib.contextmanager
def _canned(answers: list[bytes]) -> Iterator[int]:
    """Serve one connection: send the given bytes, whatever comes in, then close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                connection.recv(65536)
                for piece in answers:
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
)
ANSWERS = {
    "chunked": ([CHUNKED], 1, {}),
    "byte by byte": ([bytes([byte]) for byte in CHUNKED], 1, {}),
    "until close": ([b"HTTP/1.1 200 OK\r\n\r\nhello"], 1, {}),
    "no content": ([b"HTTP/1.1 204 No Content\r\n\r\n"], 1, {}),
    "status": ([b"HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\nx"], 1, {"not_2xx": 1}),
    "cut body": ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"], 0, {"lost": 1}),
    "cut head": ([b"HTTP/1.1 200 OK\r\n"], 0, {"lost": 1}),
    "no answer": ([], 0, {"lost": 1}),
    "nonsense": ([b"ICY 200 OK\r\n\r\n"], 0, {"malformed": 1, "lost": 1}),
    "two lengths": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"],
        0,
        {"malformed": 1, "lost": 1},
    ),
    "too many answers": (
        [b"HTTP/1.1 204 No Content\r\n\r\n" * 2],
        1,
        {"malformed": 1},
    ),
}
KINDS = ("not_2xx", "malformed", "lost", "unanswered")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_counted_as_what_it_is(name: str) -> None:
    pieces, answered, errors = ANSWERS[name]
    with _canned(pieces) as port:
        command = Load(connections=1).arguments(port)
        options = ["--requests=1", "--warmup=0"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert found["requests"] == answered
    assert {kind: found[kind] for kind in KINDS if found[kind]} == errors
