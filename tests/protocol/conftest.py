"""For every wire test: a running server; behind it nothing is logged and nothing left open."""

from collections.abc import Iterator

import pytest
import wire
import wire_server


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[wire_server.WireServer]:
    """On our own loop, and as a guest on others."""
    running = wire_server.WireServer("wire_app:app", loop=wire_server.loop_of(request))
    yield running
    running.stop()


def read_log(server: wire_server.WireServer, since: int) -> str:
    """What the server has logged; its own answer marks the end."""
    mark = f"mark-{since}-{server.log.size}"
    ask(server, f"/print/{mark}")
    server.log.wait_for(mark, since)
    return server.log.text(since).replace(f"{mark}\n", "")


def ask(server: wire_server.WireServer, target: str) -> wire.Response:
    """One request on a connection of its own, which is closed when this returns."""
    with wire.Wire(server.port) as client:
        client.send(wire.get(target, "Connection: close"))
        response = client.read_response()
        assert client.read_to_end() == b""
    return response


class ExpectedLog:
    """For tests of mistakes: what the server has logged since the test began."""

    def __init__(self, server: wire_server.WireServer) -> None:
        self._server = server
        self._since = server.log.size

    def read(self) -> str:
        return read_log(self._server, self._since)


@pytest.fixture
def log(server: wire_server.WireServer) -> ExpectedLog:
    return ExpectedLog(server)


def live_objects(server: wire_server.WireServer) -> dict[str, int]:
    """The C++ objects alive in a debug build's server, by class; no entry where there is none."""
    return {name: count for name, count in ask(server, "/live").json().items() if count}


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
