"""fasterapi_asgi.middleware.proxy_headers: the answers are uvicorn's."""

import asyncio
from typing import Any

import pytest
import uvicorn.middleware.proxy_headers as theirs

import fasterapi_asgi.middleware.proxy_headers as ours

FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"

TRUSTED: list[list[str] | str] = [
    "127.0.0.1",
    "127.0.0.1, ::1,10.0.0.0/8,lit",
    "*",
    ["*"],
    ["127.0.0.1", "*"],
    ["2001:db8::/32", " 127.0.0.1 "],
    "",
    [],
]
PEERS = [
    *("127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "10.2.3.4", "1.2.3.4", "2001:db8::9", "lit", "x"),
    *("", None, "127.0.0.1 ", "::ffff:127.0.0.1"),
]
FORWARDED = [
    *(
        "1.2.3.4",
        "1.2.3.4, 10.0.0.3",
        "10.0.0.2,10.0.0.3",
        "",
        "a,,b",
        " , ",
        "unknown, 127.0.0.1:9",
    ),
    *("[::1]:80", "[::1]", "[::1]:x", "[::2]x", "[::2", "[]:5", "::1", "2001:db8::1", ":5", "1:2"),
    *("1.2.3.4:55", "1.2.3.4:", "foo:bar", "foo:99999999", "a:1:2", "1.2.3.4: 5", "x,lit", "lit"),
]
HEADERS: list[list[tuple[bytes, bytes]]] = [
    [],
    *(
        [(PROTO, value)]
        for value in (b"https", b" https ", b"HTTPS", b"https, http", b"ws", b"\xff")
    ),
    [(PROTO, b"http"), (PROTO, b"https")],
    [(PROTO, b"https"), (PROTO, b"junk")],
    *([(FOR, value)] for value in (b"1.2.3.4", b"", b"1.2.3.4, ,", b"\xff", b"[2001:db8::1]:7")),
    [(FOR, b"1.2.3.4"), (FOR, b"127.0.0.1")],
    [(FOR, b"1.2.3.4"), (PROTO, b"https")],
    [(b"X-Forwarded-For", b"1.2.3.4")],
]


@pytest.mark.parametrize("trusted", TRUSTED, ids=repr)
def test_the_same_peers_are_trusted(trusted: list[str] | str) -> None:
    our_hosts, their_hosts = ours._TrustedHosts(trusted), theirs._TrustedHosts(trusted)
    assert [peer in our_hosts for peer in PEERS] == [peer in their_hosts for peer in PEERS]


@pytest.mark.parametrize("trusted", TRUSTED, ids=repr)
@pytest.mark.parametrize("header", FORWARDED)
def test_the_same_address_is_read_from_a_header(trusted: list[str] | str, header: str) -> None:
    found = ours._TrustedHosts(trusted).get_trusted_client_address(header)
    assert found == theirs._TrustedHosts(trusted).get_trusted_client_address(header)


@pytest.mark.parametrize("kind", ["http", "websocket", "lifespan"])
@pytest.mark.parametrize("client", [("127.0.0.1", 9), ("5.6.7.8", 9), None])
@pytest.mark.parametrize("trusted", ["127.0.0.1", "*"])
def test_the_middleware_changes_the_same_of_a_scope(
    kind: str, client: tuple[str, int] | None, trusted: str
) -> None:
    for headers in HEADERS:
        seen = []
        for middleware in (ours.ProxyHeadersMiddleware, theirs.ProxyHeadersMiddleware):
            scope = {"type": kind, "scheme": "http", "client": client, "headers": headers}
            asyncio.run(_pass_through(middleware, trusted, scope))
            seen.append(scope)
        assert seen[0] == seen[1], headers


async def _pass_through(middleware: Any, trusted: str, scope: dict[str, Any]) -> None:
    async def app(inner: dict[str, Any], receive: object, send: object) -> None:
        assert (inner is scope, receive, send) == (True, 1, 2)

    await middleware(app, trusted)(scope, 1, 2)


def test_what_the_application_returns_is_passed_on() -> None:
    async def app(_scope: object, _receive: object, _send: object) -> str:
        return "mistake"

    middleware: Any = ours.ProxyHeadersMiddleware(app)  # type: ignore[arg-type]
    assert asyncio.run(middleware({"type": "lifespan"}, None, None)) == "mistake"
