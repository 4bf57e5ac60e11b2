"""A server with an open event stream is stopped by signals, on each loop."""

import signal
from collections.abc import Iterator

import pytest
import wire
import wire_server
from wire import get
from wire_server import WireServer

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture(params=wire_server.LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return wire_server.loop_of(request)


@pytest.fixture
def stream() -> Iterator[list[wire.Wire]]:
    """Connections that are closed at the end; a test opens them when its server runs."""
    opened: list[wire.Wire] = []
    yield opened
    for client in opened:
        client.close()


def open_stream(server: WireServer, opened: list[wire.Wire]) -> wire.Wire:
    client = wire.Wire(server.port)
    opened.append(client)
    client.may_be_reset = True
    client.send(get("/streaming_disconnect/signals"))
    assert client.read_head().status == 200
    return client


@pytest.mark.parametrize("number", SIGNALS)
def test_a_stream_is_cut_when_the_grace_is_over(
    loop: str, number: signal.Signals, stream: list[wire.Wire]
) -> None:
    server = WireServer("wire_app:app", "--timeout-graceful-shutdown", "1", loop=loop)
    client = open_stream(server, stream)
    server.send_signal(number)
    client.read_to_end()
    log = server.wait_for_exit(number)
    assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in log
    assert "Application shutdown complete." in log


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_does_not_wait_for_a_stream(
    loop: str, number: signal.Signals, stream: list[wire.Wire]
) -> None:
    server = WireServer("wire_app:app", loop=loop)
    client = open_stream(server, stream)
    server.send_signal(number)
    server.log.wait_for("Waiting for connections to close.")
    server.send_signal(number)
    client.read_to_end()
    assert "Waiting for application shutdown." not in server.wait_for_exit(number)
