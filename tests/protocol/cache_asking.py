"""What the tests of the cache ask a server, beside what all wire tests do."""

from itertools import count

from asking import ask
from wire import Response, Wire, get
from wire_server import WireServer

numbers = count()


def open_gate(server: WireServer, name: str) -> None:
    ask(server, "/control/hold")
    ask(server, f"/open/{name}")


def wait_for_fill(server: WireServer, name: str) -> None:
    ask(server, f"/note/{name}")


def body_of(server: WireServer, path: str, *fields: str) -> bytes:
    return response_of(server, path, *fields).body


def response_of(server: WireServer, path: str, *fields: str, method: str = "GET") -> Response:
    with Wire(server.port) as client:
        client.send(get(path, *fields, method=method))
        return client.read_response(method)


def is_cached(response: Response) -> bool:
    return bool(response.values("age"))


def learned(server: WireServer, what: str) -> str:
    """A path of its own that the server knows to be declared; its first run has been."""
    path = f"/{what}/{next(numbers)}"
    ask(server, path)
    return path


def runs_of(server: WireServer, path: str) -> int:
    return int(ask(server, f"/control/runs{path}").json())


def sample(server: WireServer, series: str) -> int:
    for line in ask(server, "/metrics").body.decode().splitlines():
        name, _, rest = line.partition("{")
        labels, _, value = rest.rpartition("} ")
        if series in (name, f"{name}/{labels.rpartition('result=')[2].strip(chr(34))}"):
            return int(value)
    raise AssertionError(f"there is no {series}")
