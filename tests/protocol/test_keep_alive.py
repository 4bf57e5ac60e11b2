"""What a peer says behind a response and leaves at that does not keep its connection."""

from collections.abc import Iterator

import pytest
import wire
import wire_server
from wire import get
from wire_server import WireServer


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def impatient_server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    loop = wire_server.loop_of(request)
    limits = ["--timeout-keep-alive=1", "--timeout-request-head=1", "--timeout-request-body=1"]
    running = WireServer("wire_app:app", *limits, loop=loop)
    yield running
    assert "Traceback" not in running.stop()


EARLY = get("/early", "Content-Length: 5", method="POST")
# What is sent, what is sent behind the response, and what comes then.
LEFT_AT_THAT = {
    "nothing": (get("/"), b"", b""),
    "an empty line": (get("/"), b"\r\n", b"HTTP/1.1 408"),
    "a byte": (get("/"), b"G", b"HTTP/1.1 408"),
    "half a head": (get("/"), get("/")[:-2], b"HTTP/1.1 408"),
    "a body that comes late": (EARLY, b"hello", b""),
    "half a body that comes late": (EARLY, b"he", b""),
    "a body that comes late, and an empty line": (EARLY, b"hello\r\n", b"HTTP/1.1 408"),
}


def test_peers_that_fall_silent_are_closed(impatient_server: WireServer) -> None:
    clients = [wire.Wire(impatient_server.port) for _ in LEFT_AT_THAT]
    for client, (request, behind, _) in zip(clients, LEFT_AT_THAT.values(), strict=True):
        client.send(request)
        assert client.read_response().status == 200
        client.send(behind)
    for client, (kind, (_, _, answer)) in zip(clients, LEFT_AT_THAT.items(), strict=True):
        assert client.read_to_end()[: len(answer) or None] == answer, kind
        client.close()
