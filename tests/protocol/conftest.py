"""For every wire test: a running server; behind it nothing is logged and nothing left open."""

from collections.abc import Iterator

import pytest
import wire
import wire_server
from asking import ExpectedLog, live_objects, read_log


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[wire_server.WireServer]:
    """On our own loop, and as a guest on others."""
    running = wire_server.WireServer("wire_app:app", loop=wire_server.loop_of(request))
    yield running
    running.stop()


@pytest.fixture
def log(server: wire_server.WireServer) -> ExpectedLog:
    return ExpectedLog(server)


@pytest.fixture(autouse=True)
def nothing_is_left(
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    if "server" not in request.fixturenames:
        yield
        return
    server = request.getfixturevalue("server")
    live = live_objects(server)
    files, since = server.open_files, server.log.size
    yield
    logged = read_log(server, since)
    if "log" not in request.fixturenames:
        assert logged == ""
    for _ in range(1000):  # each a request: the server gets its turns to close what the test left
        if server.open_files <= files and live_objects(server) == live:
            break
    assert server.open_files <= files
    assert live_objects(server) == live


@pytest.fixture(params=wire.DELIVERIES)
def delivery(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(server: wire_server.WireServer) -> Iterator[wire.Wire]:
    with wire.Wire(server.port) as connected:
        yield connected
