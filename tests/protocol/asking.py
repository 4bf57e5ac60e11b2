"""What a running server says when it is asked: answers, its log, what it holds."""

import wire
import wire_server


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


def live_objects(server: wire_server.WireServer) -> dict[str, int]:
    """The C++ objects alive in a debug build's server, by class; no entry where there is none."""
    return {name: count for name, count in ask(server, "/live").json().items() if count}
