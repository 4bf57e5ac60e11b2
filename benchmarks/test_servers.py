"""Checks of the servers that are compared: `pytest benchmarks/test_servers.py`; needs cmake."""

import contextlib
import http.client
import os
import select
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import instructions
from suite import kinds, load_tool, machine, measure, report
from suite.cases import BY_LOAD, CASES, Case
from suite.load_tool import Load
from suite.measure import Figures
from suite.servers import Server, ServerFailed

BY_NAME = {case.name: case for case in CASES}
PEERS = [kind for kind in kinds.KINDS if not kinds.KINDS[kind].like_uvicorn]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def skip_if_missing(kind: str) -> None:
    if reason := kinds.KINDS[kind].missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def floor() -> Iterator[Server]:
    skip_if_missing("floor")
    with Server("floor") as server:
        yield server


def read_until_closed(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def answer_of(server: Server, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """The status, the fields without the date, sorted, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        fields = [field for field in answer.getheaders() if field[0] != "date"]
        return answer.status, sorted(fields), answer.read()


@pytest.mark.parametrize("names", [("hello-c64", "pipeline-16"), ("fastapi-heartbeat",)])
@pytest.mark.parametrize("kind", PEERS)
def test_a_server_answers_the_load_of_its_cases_without_an_error(
    kind: str, names: tuple[str, ...]
) -> None:
    skip_if_missing(kind)
    load_tool.build()
    with BY_NAME[names[0]].server(kind) as server:
        for case in map(BY_NAME.__getitem__, names):
            if case.can_be_asked(kind):
                measure.check_answer(case, server)
                found = load_tool.run(case.load, server.port, "--requests=640", "--warmup=0")
                assert (found["requests"], found["errors"]) == (640, 0)
        assert server.cpu_seconds() > 0


@pytest.mark.parametrize("name", ["hello-c1", "fastapi-heartbeat"])
def test_the_floor_answers_what_our_server_answers(name: str) -> None:
    skip_if_missing("floor")
    case = BY_NAME[name]
    with case.server("floor") as one, case.server("fasterapi_asgi") as other:
        assert answer_of(one, case.load.path) == answer_of(other, case.load.path)


def test_the_floor_reads_a_request_byte_by_byte(floor: Server) -> None:
    with floor.connect() as connection:
        for byte in CLOSING:
            connection.sendall(bytes([byte]))
        assert read_until_closed(connection).endswith(b"\r\nconnection: close\r\n\r\nHello, world!")


@pytest.mark.parametrize(
    ("sent", "answers", "end"),
    [
        (GET + CLOSING + GET, 2, b"Hello, world!"),
        (GET.replace(b"1.1", b"1.0"), 1, b"Hello, world!"),
        (b"HEAD" + CLOSING[3:], 1, b"\r\n\r\n"),
        (GET + b"nonsense\r\n\r\n", 2, b"connection: close\r\n\r\n"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + CLOSING, 2, b"world!"),
    ],
    ids=["nothing behind close", "HTTP/1.0", "HEAD", "nonsense", "a body"],
)
def test_the_floor_closes_behind_the_last_answer(
    floor: Server, sent: bytes, answers: int, end: bytes
) -> None:
    with floor.connect() as connection:
        connection.sendall(sent)
        received = read_until_closed(connection)
    assert received.count(b"HTTP/1.1 ") == answers
    assert received.endswith(end)


def test_the_floor_keeps_what_a_slow_reader_does_not_take(floor: Server) -> None:
    count = 400_000  # more than the kernel's buffers hold, one way and the other
    with floor.connect() as connection:
        connection.setblocking(False)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connection.setsockopt(socket.SOL_SOCKET, buffer, 65536)
        unsent = memoryview(GET * count + CLOSING)
        while unsent and select.select([], [connection], [], 0.2)[1]:  # until nobody takes more
            unsent = unsent[connection.send(unsent) :]
        assert unsent
        received = _exchange(connection, unsent)
    head, body = received[: received.index(b"\r\n\r\n")], b"Hello, world!"
    closing = b"\r\nconnection: close"
    assert len(received) == (len(head) + 4 + len(body)) * (count + 1) + len(closing)
    assert received.count(body) == count + 1


def _exchange(connection: socket.socket, unsent: memoryview) -> bytes:
    """Send while reading until the other side closes; return what was read."""
    received = []
    while True:
        with contextlib.suppress(BlockingIOError):
            if unsent:
                unsent = unsent[connection.send(unsent) :]
        select.select([connection], [connection] if unsent else [], [], 10)
        with contextlib.suppress(BlockingIOError):
            received.append(connection.recv(65536))
            if not received[-1]:
                return b"".join(received)


def test_the_cache_asks_the_application_once() -> None:
    skip_if_missing("nginx-cache")
    with Server("nginx-cache", "counted") as server:
        found = load_tool.run(Load(connections=4), server.port, "--requests=100", "--warmup=0")
        assert server.behind is not None
        assert (found["errors"], answer_of(server.behind, "/count")[2]) == (0, b"1")


def test_a_server_that_does_not_come_up_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = kinds.Kind(lambda _: [sys.executable, "-c", "exit('no, thanks')"], behind="uvicorn")
    monkeypatch.setitem(kinds.KINDS, "broken", broken)
    before = machine.tree(os.getpid())
    with pytest.raises(ServerFailed, match="no, thanks"), Server("broken"):
        pass
    assert machine.tree(os.getpid()) == before


def test_a_case_that_a_server_cannot_be_asked_shows_a_dash() -> None:
    assert not BY_NAME["post-echo"].can_be_asked("floor")
    assert not BY_NAME["access-log"].can_be_asked("granian")
    assert not BY_NAME["pipeline-16"].can_be_asked("gunicorn")
    figures = Figures()
    figures.add("fasterapi_asgi", cpu_us=1.0)
    names = ["fasterapi_asgi", "floor"]
    [row] = report.case_rows(report.Judge(names, names), Case("x", "x"), figures)
    assert (row.values, row.ratio) == (["1.00 µs", "–"], None)


def test_figures_by_load_have_the_number_of_connections_in_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one_round(case: Case, kinds: list[str], _: measure.Plan) -> Figures:
        figures = Figures({}, dict.fromkeys(kinds, 1), 2)
        for kind in kinds:
            figures.add(kind, p50_us=case.load.connections, p99_us=9.0, rps=1.0, cpu_us=1.0)
        return figures

    monkeypatch.setattr(measure, "rounds", one_round)
    found = measure.by_load(["floor"], measure.Plan.quick())
    assert found.columns["floor"]["p50_us_c64"] == [64]
    assert found.columns["floor"].keys() >= {f"p99_us_c{count}" for count in BY_LOAD}
    assert (found.errors, found.repeated) == ({"floor": len(BY_LOAD)}, 2 * len(BY_LOAD))


@pytest.mark.parametrize(
    ("source", "function", "group"),
    [
        ("/a/benchmarks/floor/floor.cpp", "on_read", "floor"),
        ("/a/third_party/libuv/src/unix/stream.c", "uv__read", "libuv"),
        ("/a/build/bench/llhttp_sse42.c", "llhttp__internal__run", "llhttp"),
    ],
)
def test_instructions_of_the_floor_are_those_of_its_parts(
    source: str, function: str, group: str
) -> None:
    assert instructions.group(source, function, "/a/build/bench/floor") == group
