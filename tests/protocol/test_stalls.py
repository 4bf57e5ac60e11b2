"""The stall table: peers of eight kinds that take their time, with limits of a second.

All are there at once, beside a client that is served meanwhile.
"""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import wire
import wire_server

LIMIT = 1.0  # seconds, of every kind
GRACE = 10.0  # seconds, before the average rate of a body counts
LATE = 0.5  # the promise is a second behind the limit; a loaded machine gets a bit more
POST = wire.get("/echo", "Content-Length: 1000", method="POST")
CHUNKED = wire.get("/echo", "Transfer-Encoding: chunked", method="POST")
REQUEST = wire.get("/")


def nothing(client: wire.Wire) -> None:
    """The connection is made and nothing is said."""


def half_head(client: wire.Wire) -> None:
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")


def half_body(client: wire.Wire) -> None:
    client.send(POST + b"half")


def half_chunk(client: wire.Wire) -> None:
    client.send(CHUNKED + b"100\r\nhalf")


def used(client: wire.Wire) -> None:
    client.send(REQUEST)
    client.read_response()


def used_with_half_head(client: wire.Wire) -> None:
    used(client)
    client.send(b"GET / HT")


def dripped_head(client: wire.Wire) -> None:
    client.send(b"GET /")
    client.drip()


def dripped_body(client: wire.Wire) -> None:
    client.send(POST)
    client.drip()


# What it does, and the status that it sees before the close.
KINDS: dict[Callable[[wire.Wire], None], int | None] = {
    nothing: None,
    half_head: 408,
    dripped_head: 408,
    half_body: 408,
    dripped_body: 408,
    half_chunk: 408,
    used: None,
    used_with_half_head: 408,
}


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def strict_server(request: pytest.FixtureRequest) -> Iterator[wire_server.WireServer]:
    limits = [
        f"--{name}=1"
        for name in (
            "timeout-first-byte",
            "timeout-request-head",
            "timeout-request-body",
            "timeout-keep-alive",
            "timeout-write",
        )
    ]
    loop = wire_server.loop_of(request)
    running = wire_server.WireServer("wire_app:app", *limits, loop=loop)
    yield running
    log = running.stop()
    assert "Traceback" not in log


class Stalled:
    """One stalled client in a thread: how long it took until it was closed, and what it saw."""

    def __init__(self, port: int, kind: Callable[[wire.Wire], None]) -> None:
        self.seconds = 0.0
        self.seen = b""
        self._thread = threading.Thread(target=self._run, args=(port, kind))
        self._thread.start()

    def _run(self, port: int, kind: Callable[[wire.Wire], None]) -> None:
        with wire.Wire(port) as client:
            client.may_be_reset = True
            began = time.monotonic()
            kind(client)
            self.seen = client.read_to_end()
            self.seconds = time.monotonic() - began

    @property
    def is_stalled(self) -> bool:
        return self._thread.is_alive()


def test_stalled_peers_are_closed_in_time_and_told_why(
    strict_server: wire_server.WireServer,
) -> None:
    kinds = [*KINDS]
    if strict_server.loop != "auto":  # ten seconds once are enough: the code is the same
        kinds.remove(dripped_body)
    stalled = {kind: Stalled(strict_server.port, kind) for kind in kinds}
    answered = 0
    with wire.Wire(strict_server.port) as other:
        while any(one.is_stalled for one in stalled.values()):
            other.send(REQUEST)
            assert other.read_response().status == 200
            answered += 1
    assert answered > 100
    for kind, one in stalled.items():
        status = KINDS[kind]
        limit = GRACE if kind is dripped_body else LIMIT
        expected = f"HTTP/1.1 {status} Request Timeout\r\n".encode() if status else b""
        assert one.seen.startswith(expected), kind
        assert bool(one.seen) == bool(status), kind
        assert limit - 0.1 <= one.seconds <= limit + 1 + LATE, (kind, one.seconds)


def test_a_refusal_in_time_is_one_line_with_peer_and_cause(
    strict_server: wire_server.WireServer,
) -> None:
    since = strict_server.log.size
    with wire.Wire(strict_server.port) as client:
        half_head(client)
        client.read_to_end()
        peer = "{}:{}".format(*client.address)
    line = rf"WARNING:  Invalid HTTP request received. \({peer}: request head was not complete"
    strict_server.log.wait_for(line, since)


def test_a_response_that_nobody_reads_is_given_up(strict_server: wire_server.WireServer) -> None:
    with wire.Wire(strict_server.port, receive_buffer=4096) as client:
        client.send(wire.get("/download/100000000/65536"))
        began = time.monotonic()
        client.wait_for_reset()
    assert LIMIT - 0.1 <= time.monotonic() - began <= LIMIT + 1 + LATE


def test_a_response_that_is_read_slowly_arrives(strict_server: wire_server.WireServer) -> None:
    with wire.Wire(strict_server.port, receive_buffer=4096) as client:
        client.send(wire.get("/download/1000000/65536"))
        began = time.monotonic()
        client.read_head()
        client.discard_slowly(1_000_000, per_second=400_000)
    assert time.monotonic() - began > 2 * LIMIT
