"""ASGI 2.3 and 2.4: what send() does when the peer is gone, and how Starlette takes it."""

from collections.abc import Iterator

import pytest
import wire
from asking import ask
from wire import get
from wire_server import WireServer

SPECS = ("2.3", "2.4")


@pytest.fixture(
    scope="module", params=[(loop, spec) for loop in ("auto", "asyncio") for spec in SPECS]
)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    loop, spec = request.param
    running = WireServer("extensions_app:app", "--loop", loop, "--asgi-spec", spec)
    running.spec = spec  # type: ignore[attr-defined]
    yield running
    running.stop()


@pytest.fixture
def spec(server: WireServer) -> str:
    return str(server.spec)  # type: ignore[attr-defined]


def test_the_scope_names_the_version_and_no_extensions(client: wire.Wire, spec: str) -> None:
    client.send(get("/scope"))
    scope = client.read_response().json()
    assert scope["asgi"] == {"version": "3.0", "spec_version": spec}
    assert "extensions" not in scope


@pytest.mark.parametrize("size", [1, 1_000_000], ids=["small", "waiting"])
def test_a_stream_of_starlettes_ends_with_its_peer(
    server: WireServer, client: wire.Wire, size: int
) -> None:
    client.send(get(f"/stream/{size}"))
    assert client.read_head().status == 200
    client.reset()
    assert ask(server, "/note/stream").json() == "ended"


@pytest.mark.parametrize("size", [1, 10_000_000], ids=["small", "waiting"])
def test_send_raises_from_2_4_on(
    server: WireServer, client: wire.Wire, spec: str, size: int
) -> None:
    client.send(get(f"/talk/{size}"))
    assert client.read_head().status == 200
    assert ask(server, "/note/talk").json() == "begun"
    client.reset()
    seen = ask(server, "/note/talk").json()
    if spec == "2.3":
        assert seen == "nothing raised"
    else:
        assert seen == [["ClientDisconnected", "OSError"], "The peer has closed the connection."]
