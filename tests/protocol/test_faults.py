"""Peers that end at any moment: with a reset, by closing, or by closing their sending side only.

Each is seen by the application as it should be, nothing is logged or left open, and the server goes
on; the fixture `nothing_is_left` asks for that behind every test.
"""

import socket
from collections.abc import Callable, Iterator

import pytest
import wire
import wire_server
from asking import ExpectedLog, ask
from wire import get, post
from wire_server import WireServer

MEBI = 1 << 20
TINY = 2304  # bytes; the smallest buffer that Linux gives a socket
ENDS: dict[str, Callable[[wire.Wire], None]] = {
    "reset": wire.Wire.reset,
    "close": wire.Wire.close,
    "half-close": wire.Wire.half_close,
}
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(params=ENDS)
def end(request: pytest.FixtureRequest) -> str:
    return str(request.param)


UNFINISHED_HEADS = {
    "before the first byte": b"",
    "in the request line": b"GET /fol",
    "in the fields": b"GET / HTTP/1.1\r\nHo",
    "before the empty line": get("/")[:-2],
}


@pytest.mark.parametrize("place", UNFINISHED_HEADS)
def test_a_peer_that_ends_within_a_head_is_gone(
    server: WireServer, client: wire.Wire, place: str, end: str
) -> None:
    client.send(UNFINISHED_HEADS[place])
    ask(server, "/")  # by then the server has read it
    ENDS[end](client)
    if end == "half-close":
        assert client.read_to_end() == b""


# What is sent, and the messages before the first http.disconnect.
FOLLOWED = {
    "behind the head": (("Content-Length: 8",), b"", []),
    "in the body": (("Content-Length: 8",), b"half", ["http.request"]),
    "behind the request": (("Content-Length: 4",), b"full", ["http.request"]),
    "before the first chunk": ((CHUNKED,), b"", []),
    "in the size of a chunk": ((CHUNKED,), b"1", []),
    "in a chunk": ((CHUNKED,), b"8\r\nhalf", ["http.request"]),
    "before the last chunk": ((CHUNKED,), b"4\r\nfull\r\n", ["http.request"]),
    "in the trailer": ((CHUNKED,), b"4\r\nfull\r\n0\r\nX: y\r\n", ["http.request"]),
}


@pytest.mark.parametrize("place", FOLLOWED)
def test_an_application_hears_of_a_peer_that_ends(
    server: WireServer, client: wire.Wire, place: str, end: str
) -> None:
    fields, body, messages = FOLLOWED[place]
    name = f"{place} {end}".replace(" ", "-")
    client.send(get(f"/follow/{name}", *fields, method="POST") + body)
    assert ask(server, f"/note/{name}").json() == "waiting"
    ENDS[end](client)
    assert ask(server, f"/note/{name}").json() == [*messages, "http.disconnect", "http.disconnect"]
    if end == "half-close":
        assert client.read_response().body == b"followed"
        assert client.read_to_end() == b""


def test_a_request_that_waits_for_another_goes_with_its_peer(
    server: WireServer, client: wire.Wire, end: str
) -> None:
    client.send(get(f"/wait/queued-{end}") + get("/") + post("/echo", b"whole")[:-1])
    assert ask(server, f"/note/queued-{end}").json() == "waiting"
    ENDS[end](client)
    ask(server, f"/open/queued-{end}")
    if end == "half-close":  # what was asked for whole is answered
        assert client.read_response().body == f"queued-{end}".encode()
        assert client.read_response().body == b"root"
        assert client.read_to_end() == b""


def test_a_stream_ends_with_its_peer(
    server: WireServer, client: wire.Wire, log: ExpectedLog, end: str
) -> None:
    client.send(get(f"/streaming_disconnect/stream-{end}"))
    assert client.read_head().status == 200
    ENDS[end](client)
    assert ask(server, f"/note/stream-{end}").json() == "told"
    if end == "half-close":
        client.read_to_end()
    assert "Traceback" not in log.read()


@pytest.mark.parametrize("read", [0, 1000, 4 * MEBI])
def test_a_download_ends_with_its_peer(client: wire.Wire, read: int, end: str) -> None:
    size = 16 * MEBI
    client.send(get(f"/download/{size}/65536"))
    assert client.read_head().status == 200
    client.read_exactly(read)
    ENDS[end](client)
    if end == "half-close":  # it may still read
        client.discard(size - read)
        assert client.read_to_end() == b""


def test_a_connection_that_idles_ends_with_its_peer(client: wire.Wire, end: str) -> None:
    client.send(get("/"))
    assert client.read_response().body == b"root"
    ENDS[end](client)
    if end == "half-close":
        assert client.read_to_end() == b""


def test_a_peer_that_ends_while_it_is_refused_is_gone(
    server: WireServer, client: wire.Wire, log: ExpectedLog, end: str
) -> None:
    client.send(b"nonsense\r\n\r\n")
    ENDS[end](client)
    if end == "half-close":
        assert client.read_response().status == 400
        assert client.read_to_end() == b""
    ask(server, "/")
    assert "Traceback" not in log.read()


@pytest.mark.parametrize(
    ("data", "body"),
    [(b"", b""), (get("/")[:-2], b""), (get("/"), b"root"), (post("/echo", b"b"), b"b")],
)
def test_a_peer_that_has_ended_before_it_is_accepted_is_gone(
    server: WireServer, data: bytes, body: bytes, end: str
) -> None:
    """Of a connection that was reset not even the address can be asked."""
    with server.stopped():
        clients = [wire.Wire(server.port) for _ in range(10)]
        for client in clients:
            client.send(data)
            ENDS[end](client)
    for client in clients:
        if end == "half-close":
            assert not body or client.read_response().body == body
            assert client.read_to_end() == b""
        client.close()
    assert ask(server, "/").body == b"root"


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def narrow_server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    """Its connections inherit buffers that hold next to nothing."""
    loop = wire_server.loop_of(request)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TINY)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY)
        running = WireServer("wire_app:app", loop=loop, listener=listener)
    yield running
    assert "Traceback" not in running.stop()


@pytest.fixture
def narrow_client(narrow_server: WireServer) -> Iterator[wire.Wire]:
    with wire.Wire(narrow_server.port, receive_buffer=TINY) as client:
        yield client


def test_a_large_response_passes_through_tiny_buffers(narrow_client: wire.Wire) -> None:
    size = 2 * MEBI
    narrow_client.send(get(f"/download/{size}/100000") + get("/"))
    assert narrow_client.read_head().values("content-length") == [str(size)]
    assert narrow_client.read_exactly(size) == bytes(size)
    assert narrow_client.read_response().body == b"root"


def test_a_large_body_passes_through_tiny_buffers(narrow_client: wire.Wire) -> None:
    body = bytes(range(256)) * 2048
    narrow_client.send(post("/echo", body))
    assert narrow_client.read_response().body == body


def test_many_small_chunks_pass_through_tiny_buffers(narrow_client: wire.Wire) -> None:
    narrow_client.send(get("/chunks/5000"))
    assert narrow_client.read_response().chunks == [b"%d," % number for number in range(5000)]


def test_a_peer_ends_before_tiny_buffers_are_empty(
    narrow_server: WireServer, narrow_client: wire.Wire, end: str
) -> None:
    narrow_client.send(get(f"/download/{2 * MEBI}/65536"))
    assert narrow_client.read_head().status == 200
    ENDS[end](narrow_client)
    if end == "half-close":
        narrow_client.discard(2 * MEBI)
        assert narrow_client.read_to_end() == b""
    assert ask(narrow_server, "/").body == b"root"
