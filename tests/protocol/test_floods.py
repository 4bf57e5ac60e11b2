"""One connection sends as much as it can of one thing: the server's memory does not grow."""

import contextlib
from collections.abc import Iterator

import pytest
import wire
from wire_server import SANITIZED, WireServer

MEGABYTE = 1 << 20
# What AddressSanitizer's quarantine holds is resident, too.
LARGEST_GROWTH = (8 if SANITIZED else 1) * MEGABYTE
UPLOAD = wire.get("/upload", "Transfer-Encoding: chunked", method="POST")
END_OF_CHUNKS = b"0\r\n\r\n"


def many(piece: bytes, megabytes: int) -> Iterator[bytes]:
    block = piece * (MEGABYTE // len(piece))
    for _ in range(megabytes):
        yield block


# Its beginning, what is repeated, how many megabytes of it, and the status that answers it.
FLOODS = {
    "one field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x", 64, 431),
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n", 64, 431),
    "a target": (b"GET /", b"x", 64, 414),
    "a method": (b"", b"X", 64, 431),
    "line breaks": (b"", b"\r\n", 64, 400),
    "chunk extensions": (UPLOAD, b"1;name=value\r\nx\r\n", 64, 400),
    "one chunk extension": (UPLOAD + b"1;x=", b"x", 64, 400),
    "a chunk size": (UPLOAD, b"0", 64, 400),
    "trailers": (UPLOAD + b"0\r\n", b"X: y\r\n", 64, 431),
    "chunks of a byte": (UPLOAD, b"1\r\nx\r\n", 16, None),
    "bytes behind a refusal": (b"nonsense\r\n\r\n", b"x", 64, 400),
    "requests": (b"", wire.get("/"), 2, 200),
}


@pytest.fixture(scope="module")
def flooded() -> Iterator[WireServer]:
    running = WireServer("wire_app:app", "--no-access-log")
    yield running
    log = running.stop()
    assert "Traceback" not in log
    assert len(log.splitlines()) < 100


def flood(client: wire.Wire, begin: bytes, piece: bytes, megabytes: int) -> None:
    """Send until all is sent or the server closes; what it answers meanwhile is read."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.send_and_read(begin)
        for block in many(piece, megabytes):
            client.send_and_read(block)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_does_not_grow_the_server(flooded: WireServer, name: str) -> None:
    begin, piece, megabytes, status = FLOODS[name]
    for measured in (False, True):  # the first warms up
        before = flooded.resident_bytes
        flooded.forget_peak()
        with wire.Wire(flooded.port) as client:
            client.may_be_reset = True
            flood(client, begin, piece, megabytes)
            if status is None:
                client.deliver(END_OF_CHUNKS, "whole")
                assert client.read_head().status == 200
            else:
                assert client.read_head().status == status
        if measured:
            assert flooded.peak_resident_bytes - before <= LARGEST_GROWTH


def test_responses_that_are_never_read_do_not_grow_the_server(flooded: WireServer) -> None:
    """Requests in a pipeline for large responses: one is in memory, the others wait unread."""
    requests = wire.get("/download/1000000/65536") * 1000
    for measured in (False, True):
        before = flooded.resident_bytes
        flooded.forget_peak()
        with wire.Wire(flooded.port, receive_buffer=4096) as client:
            client.send_what_fits(requests)
            for _ in range(20):  # the server has its turns meanwhile
                with wire.Wire(flooded.port) as other:
                    other.send(wire.get("/"))
                    assert other.read_response().status == 200
            if measured:
                assert flooded.peak_resident_bytes - before <= LARGEST_GROWTH


@pytest.mark.skipif(
    SANITIZED,
    reason="UBSan looks at objects through a pipe: without descriptors each is a wrong one",
)
def test_without_descriptors_the_server_refuses_says_so_and_recovers() -> None:
    running = WireServer("wire_app:app", "--limit-connections", "0", most_files=48)
    try:
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(wire.Wire(running.port)) for _ in range(60)]
            running.log.wait_for(r"No connection can be accepted: too many open files\. Raise")
            before = running.cpu_seconds
            clients[0].send(wire.get("/"))
            assert clients[0].read_response().status == 200
            refused = [client for client in clients[1:] if client.is_closed_within(0.1)]
            assert 10 < len(refused) < 50
            assert running.cpu_seconds - before < 0.3  # in some seconds: it rests
        with wire.Wire(running.port) as client:
            client.send(wire.get("/"))
            assert client.read_response().status == 200
    finally:
        log = running.stop()
    assert 1 <= log.count("No connection can be accepted") <= 8


def test_a_full_server_answers_whom_it_has_and_lets_others_wait() -> None:
    running = WireServer("wire_app:app", "--limit-connections", "3")
    try:
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(wire.Wire(running.port)) for _ in range(3)]
            waiting = held.enter_context(wire.Wire(running.port))
            waiting.send(wire.get("/"))
            for client in clients:
                client.send(wire.get("/"))
                assert client.read_response().status == 200
            assert waiting.nothing_received()
            clients[0].close()
            assert waiting.read_response().status == 200
    finally:
        running.stop()
