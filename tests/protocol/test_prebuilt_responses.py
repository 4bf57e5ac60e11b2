"""A response that is built once and returned each time is, on the wire, like any other."""

import re
from collections.abc import Iterator

import pytest
import wire
import wire_server
from wire import get
from wire_server import WireServer

NAMES = ("ready", "empty", "same", "missing", "last")


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    running = WireServer("prebuilt_app:app", loop=wire_server.loop_of(request))
    yield running
    running.stop()


def answers_to(server: WireServer, raw: bytes) -> bytes:
    """All that comes until the server closes, but for the date."""
    with wire.Wire(server.port) as client:
        client.send(raw)
        return re.sub(rb"date: [^\r]*\r\n", b"", client.read_to_end())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_it_is_like_one_that_is_built_each_time(
    server: WireServer, name: str, method: str, version: str
) -> None:
    def asked(path: str) -> bytes:
        keep = get(f"{path}/{name}", "Connection: keep-alive", method=method)
        last = get(f"{path}/{name}", "Connection: close", method=method)
        raw = (keep + keep + last).replace(b"HTTP/1.1", f"HTTP/{version}".encode())
        return answers_to(server, raw)

    expected = asked("/fast/fresh")
    for _ in range(20):
        assert asked("/fast/built") == expected


def test_a_thousand_of_them_are_equal(server: WireServer) -> None:
    one = get("/fast/built/ready")
    replies = answers_to(server, one * 999 + get("/fast/built/ready", "Connection: close"))
    first, *others = re.split(rb"(?=HTTP/1\.1 200 OK)", replies)[1:]
    *others, last = others
    assert others == [first] * 998
    assert last == first.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


def test_a_header_that_is_set_later_is_seen(client: wire.Wire) -> None:
    for version in ("2", "3", "1"):
        client.send(get(f"/fast/version/{version}", method="POST"))
        assert client.read_response().values("x-version") == [version]
        for _ in range(5):
            client.send(get("/fast/built/ready"))
            response = client.read_response()
            assert response.values("x-version") == [version]
            assert response.body == b'{"status":"ok"}'


def test_what_middleware_sets_is_of_its_own_request(client: wire.Wire) -> None:
    for number in range(40):
        client.send(get("/fast/built/missing", f"X-Number: {number // 10}"))
        response = client.read_response()
        assert response.values("x-number") == [str(number // 10)]
        assert response.values("content-type") == ["application/json"]
