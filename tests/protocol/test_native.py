"""Native handlers over the wire: what they answer, what they pass on, what they break."""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import native_build
import pytest
import wire
import wire_server
from asking import ExpectedLog, ask
from wire import get, post
from wire_server import WireServer

SOURCE = Path(__file__).with_name("native_handlers.c")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return native_build.build(SOURCE, tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest, library: Path) -> Iterator[WireServer]:
    running = start(library, wire_server.loop_of(request))
    yield running
    running.stop()


def start(library: Path | None, loop: str, *options: str) -> WireServer:
    """With handlers, or as if they had never been."""
    with pytest.MonkeyPatch.context() as patch:
        if library:
            patch.setenv("NATIVE_LIBRARY", str(library))
        return WireServer("native_app:app", *options, loop=loop)


def read_trailing(client: wire.Wire, delivery: str) -> None:
    if delivery == "with trailing bytes":
        assert client.read_response().body == b"trailing"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/hello", "/by/symbol", "/by/address", "/by/ctypes", "/by/capsule", "/hello?a=b"]
)
def test_a_handler_answers_however_it_was_given(
    client: wire.Wire, delivery: str, path: str, method: str
) -> None:
    client.deliver(get(path, method=method), delivery)
    response = client.read_response(method)
    assert response.status == 200
    assert response.body == (b"" if method == "HEAD" else b"hello")
    assert response.values("content-type") == ["text/plain"]
    assert response.values("content-length") == ["5"]
    assert len(response.values("date")) == len(response.values("server")) == 1
    assert not response.closes
    read_trailing(client, delivery)


def test_a_function_of_python_may_be_a_handler(client: wire.Wire, delivery: str) -> None:
    client.deliver(get("/by/python"), delivery)
    assert client.read_response().status == 418
    read_trailing(client, delivery)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/items/7", b"7"),
        ("/items/a%2Fb", b"a%2Fb"),
        ("/files/", b""),
        ("/files/a/b.css?v=1", b"a/b.css"),
        ("http://a/items/7", b"7"),
    ],
)
def test_a_handler_gets_parts_of_the_path(
    client: wire.Wire, delivery: str, path: str, body: bytes
) -> None:
    client.deliver(get(path), delivery)
    assert client.read_response().body == body
    read_trailing(client, delivery)


@pytest.mark.parametrize("path", ["/native-echo", "/held"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_handler_gets_the_body(
    client: wire.Wire, delivery: str, path: str, chunked: bool
) -> None:
    framed = get(path, "Transfer-Encoding: chunked", method="POST")
    framed += b"4\r\nnati\r\n2\r\nve\r\n0\r\n\r\n"
    client.deliver(framed if chunked else post(path, b"native"), delivery)
    response = client.read_response()
    assert (response.body, response.values("x-method")) == (b"native", ["POST"])
    read_trailing(client, delivery)


def test_a_large_body_comes_whole(client: wire.Wire) -> None:
    body = bytes(range(256)) * 781
    client.send_and_read(post("/native-echo", body))
    assert client.read_response().body == body


@pytest.mark.parametrize(
    "request_", [post("/native-echo", b"x" * 200001), post("/held", b"x" * 101)], ids=len
)
def test_a_body_above_the_limit_of_the_route_is_refused(
    server: WireServer, request_: bytes
) -> None:
    with wire.Wire(server.port) as client:
        client.deliver(request_, "whole")
        response = client.read_response()
        assert response.status == 413 and response.closes
        assert client.read_to_end() == b""


def test_another_thread_answers_later(client: wire.Wire, delivery: str) -> None:
    client.deliver(get("/later?x=1"), delivery)
    assert client.read_response().body == b"x=1"
    read_trailing(client, delivery)


def test_a_pipeline_may_mix_handlers_and_the_application(client: wire.Wire) -> None:
    paths = ["/hello", "/trailing", "/later?1", "/", "/items/2", "/by/python", "/trailing"]
    client.send(b"".join(map(get, paths)))
    bodies = [client.read_response().body for _ in paths]
    assert bodies == [b"hello", b"trailing", b"1", b"root", b"2", b"", b"trailing"]


# --- bad handlers

FAILURES = {
    "/split": (500, "has made a bad response: invalid header value"),
    "/oversized": (500, "has made a bad response: headers are too large"),
    "/fails": (500, "has failed"),
    "/never": (504, "was not completed in time"),
}


@pytest.mark.parametrize("path", FAILURES)
def test_a_bad_handler_is_an_error_of_the_server(
    client: wire.Wire, log: ExpectedLog, delivery: str, path: str
) -> None:
    status, said = FAILURES[path]
    client.may_be_reset = True
    client.deliver(get(path), delivery)
    response = client.read_response()
    assert (response.status, response.closes) == (status, True)
    assert not response.values("x-injected")
    assert log.read() == f"WARNING:  Native handler GET {path} {said}.\n"


def test_a_peer_may_leave_a_handler_that_is_not_done(server: WireServer, client: wire.Wire) -> None:
    with wire.Wire(server.port) as other:
        other.send(get("/never"))
        client.send(get("/hello"))
        assert client.read_response().body == b"hello"
        other.reset()
    assert ask(server, "/hello").body == b"hello"


# --- as if they were not there

PASSED = {
    "without a body": get("/echo"),
    "an empty body": post("/echo", b""),
    "a body": post("/echo", b"passed"),
    "a large body": post("/echo", b"0123456789" * 12000),
    "chunks": get("/echo", "Transfer-Encoding: chunked", method="POST")
    + b"4\r\npass\r\n2\r\ned\r\n0\r\n\r\n",
    "100 Continue": post("/echo", b"ok", "Expect: 100-continue"),
    "HTTP/1.0": b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nok",
    "the scope, later": get("/scope?a=b", "X-One: 1"),
    "with the GIL": get("/"),
    "no route of this method": get("/hello", method="POST"),
    "no route of this path": get("/trailing"),
}


@pytest.fixture(scope="module")
def pair(server: WireServer, library: Path) -> Iterator[list[int]]:
    """The ports of a server with handlers and of one without."""
    with ExitStack() as stack:
        servers = [start(one, server.loop, "--no-date-header") for one in (library, None)]
        for one in servers:
            stack.callback(one.stop)
        yield [one.port for one in servers]


@pytest.mark.parametrize("name", PASSED)
def test_what_is_passed_on_is_answered_byte_by_byte_as_without_handlers(
    pair: list[int], delivery: str, name: str
) -> None:
    answers = []
    for port in pair:
        with wire.Wire(port) as client:
            client.deliver(PASSED[name], "whole" if name == "a large body" else delivery)
            client.half_close()
            answer = client.read_to_end().decode("latin-1")
            own = str(client.address[1])
            answers.append(answer.replace(str(port), "PORT").replace(own, "OWN"))
    assert answers[0] == answers[1]
    assert answers[0].startswith("HTTP/1.1 ")


# --- what belongs to every response


def test_handlers_count_for_the_metrics_and_the_access_log(library: Path) -> None:
    server = start(library, "auto", "--metrics-path=/metrics")
    with ExitStack() as stack:
        stack.callback(server.stop)
        for path in ("/hello", "/later?1", "/echo", "/hello"):
            assert ask(server, path).status == 200
        text = ask(server, "/metrics").body.decode()
    assert re.search(r'requests_total\{.*status="200"\} 4\n', text)
    assert re.search(r"queue_delay_seconds_count\{.*\} 4\n", text)


def test_the_stop_waits_for_a_handler_that_is_not_done(library: Path) -> None:
    server = start(library, "auto")
    with wire.Wire(server.port) as client:
        client.send(get("/never"))
        assert ask(server, "/hello").status == 200
        server.send_signal(signal.SIGTERM)
        assert client.read_response().status == 504
    assert "was not completed in time" in server.wait_for_exit(signal.SIGTERM)


def test_the_command_names_handlers(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NATIVE_LIBRARY", raising=False)
    options = (f"--native={library}", f"--native=GET /by/name={library}:hello")
    server = WireServer("wire_app:app", *options)
    try:
        for path in ("/hello", "/by/name"):
            assert ask(server, path).body == b"hello"
        assert ask(server, "/trailing").body == b"trailing"
    finally:
        server.stop()
