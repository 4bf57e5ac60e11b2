"""The scope of a request is uvicorn's: keys, their order, values, types."""

import asyncio
from typing import Any

import pytest
from core_server import respond, serving, uvicorn_serving
from loop_runner import run

from fasterapi_asgi.loops import new_event_loop

CLOSE = b"host: a\r\nconnection: close\r\n\r\n"
REQUESTS = {
    "plain": b"GET / HTTP/1.1\r\n" + CLOSE,
    "query": b"GET /a/b?x=1&y=%20+&x=2 HTTP/1.1\r\n" + CLOSE,
    "empty query": b"GET /a? HTTP/1.1\r\n" + CLOSE,
    "two question marks": b"GET /a?b?c HTTP/1.1\r\n" + CLOSE,
    "question mark in the path, encoded": b"GET /a%3Fb?c HTTP/1.1\r\n" + CLOSE,
    "encoded slash": b"GET /a%2Fb/%2f HTTP/1.1\r\n" + CLOSE,
    "encoded zero": b"GET /a%00b HTTP/1.1\r\n" + CLOSE,
    "encoded text": b"GET /caf%C3%A9/%e2%82%ac HTTP/1.1\r\n" + CLOSE,
    "invalid UTF-8": b"GET /%ff%fe/%C3/%E2%82x HTTP/1.1\r\n" + CLOSE,
    "surrogate": b"GET /%ED%A0%80 HTTP/1.1\r\n" + CLOSE,
    "overlong": b"GET /%C0%AF%F5%80 HTTP/1.1\r\n" + CLOSE,
    "percent that is no escape": b"GET /100%/%zz/%4/%% HTTP/1.1\r\n" + CLOSE,
    "encoded percent": b"GET /%2541 HTTP/1.1\r\n" + CLOSE,
    "plus": b"GET /a+b?c+d HTTP/1.1\r\n" + CLOSE,
    "dots": b"GET /a/../b/./c HTTP/1.1\r\n" + CLOSE,
    "two slashes inside": b"GET /a//b HTTP/1.1\r\n" + CLOSE,
    "marks": b"GET /;a=1,b!$&'()*:@~_-. HTTP/1.1\r\n" + CLOSE,
    "absolute": b"GET http://a/a%20b?c=d HTTP/1.1\r\n" + CLOSE,
    "asterisk": b"OPTIONS * HTTP/1.1\r\n" + CLOSE,
    "HEAD": b"HEAD /a HTTP/1.1\r\n" + CLOSE,
    "PATCH": b"PATCH /a HTTP/1.1\r\ncontent-length: 0\r\n" + CLOSE,
    "rare method": b"PROPFIND /a HTTP/1.1\r\n" + CLOSE,
    "HTTP/1.0": b"GET /a HTTP/1.0\r\n\r\n",
    "HTTP/1.0 with host": b"GET /a HTTP/1.0\r\nHost: b\r\n\r\n",
    "case and blanks of fields": b"GET / HTTP/1.1\r\nX-Mixed-CASE: \t Value\r\nX-E:\r\n" + CLOSE,
    "fields twice": b"GET / HTTP/1.1\r\nb: 1\r\na: 2\r\nB: 3\r\ncookie: x\r\nCookie: y\r\n" + CLOSE,
    "latin-1 value": b"GET / HTTP/1.1\r\nx: caf\xe9 \xff\r\n" + CLOSE,
    "body": b"POST /a HTTP/1.1\r\ncontent-length: 2\r\ncontent-type: x/y\r\n" + CLOSE + b"ab",
    "chunked": b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n"
    + CLOSE
    + b"1\r\na\r\n0\r\n\r\n",
    "long path": b"GET /" + b"a%20" * 1000 + b" HTTP/1.1\r\n" + CLOSE,
}


def scopes(serve: Any, factory: Any, **options: Any) -> dict[str, Any]:
    """What the application is given for each request."""
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append({**scope, "first message": message})
        await respond(send)

    async def main() -> dict[str, Any]:
        found = {}
        async with serve(app, **options) as place:
            for name, raw in REQUESTS.items():
                seen.clear()
                response = await place.ask(raw)
                found[name] = [list(scope.items()) for scope in seen] or response[:12]
        return found

    return run(main, factory=factory)  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=["", "/mounted"])
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    ours = scopes(serving, new_event_loop, root_path=request.param)
    theirs = scopes(uvicorn_serving, asyncio.SelectorEventLoop, root_path=request.param)
    return ours, theirs


@pytest.mark.parametrize("name", REQUESTS)
def test_scope_and_first_message_are_uvicorns(both: Any, name: str) -> None:
    ours, theirs = both
    assert without_ports(ours[name]) == without_ports(theirs[name])


def without_ports(found: Any) -> Any:
    if isinstance(found, bytes):
        return found
    return [
        [(key, value[0] if key in ("client", "server") else value) for key, value in scope]
        for scope in found
    ]


def test_blanks_behind_a_value_are_no_part_of_it() -> None:
    """RFC 9110 section 5.5; uvicorn leaves them where they are."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.extend(scope["headers"])
        await respond(send)

    async def main() -> None:
        async with serving(app) as place:
            await place.ask(b"GET / HTTP/1.1\r\nx: \t a b \t \r\n" + CLOSE)

    run(main)
    assert seen[0] == (b"x", b"a b")


def test_the_types_are_exact() -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append(scope)
        await respond(send)

    async def main() -> None:
        async with serving(app) as place:
            await place.ask(REQUESTS["fields twice"])

    run(main)
    (scope,) = seen
    kinds = {key: type(value) for key, value in scope.items()}
    texts = ("type", "http_version", "scheme", "root_path", "method", "path")
    assert kinds == dict.fromkeys(texts, str) | dict.fromkeys(
        ("raw_path", "query_string"), bytes
    ) | {
        "asgi": dict,
        "state": dict,
        "headers": list,
        "server": tuple,
        "client": tuple,
    }
    assert {type(pair) for pair in scope["headers"]} == {tuple}
    assert {type(part) for pair in scope["headers"] for part in pair} == {bytes}
    assert [type(part) for part in scope["client"] + scope["server"]] == [str, int, str, int]


def test_what_one_request_puts_into_its_scope_no_other_one_sees() -> None:
    shared = {"counter": [0]}
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append({key: dict(scope[key]) for key in ("asgi", "state")})
        assert "mine" not in scope
        scope["mine"] = scope["asgi"]["mine"] = scope["state"]["mine"] = 1
        scope["headers"].clear()
        scope["state"]["counter"][0] += 1  # the state is copied, what is in it is shared
        await respond(send)

    async def main() -> None:
        async with serving(app, state=shared) as place, place.connect() as peer:
            peer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 3)
            for _ in range(3):
                await peer.response()

    run(main)
    assert seen == [{"asgi": {"version": "3.0", "spec_version": "2.3"}, "state": shared}] * 3
    assert shared == {"counter": [3]}


def test_a_unix_socket_has_a_path_and_no_client(tmp_path: Any) -> None:
    import socket

    seen: list[dict[str, Any]] = []
    path = str(tmp_path / "socket")

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append(scope)
        await respond(send)

    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
            async with serving(app) as place:
                place.core.listen(sock.fileno(), 10)
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(REQUESTS["plain"])
                assert await reader.read()
                writer.close()

    run(main)
    assert (seen[0]["server"], seen[0]["client"]) == ((path, None), None)


SHADOWS = [
    b"X_Forwarded_For",
    b"x-forwarded_proto",
    b"content_length",
    b"Transfer_Encoding",
    b"x_real_ip",
    b"X_Original_URL",
]
INNOCENT = [b"x_request_id", b"content_type_x", b"x-forwarded-for", b"x_", b"t_", b"_"]
NAMES = [name for pair in zip(SHADOWS, INNOCENT, strict=True) for name in pair]


def names_seen(trusted: bool) -> list[bytes]:
    names: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        names.extend(name for name, _ in scope["headers"])
        await respond(send)

    async def main() -> None:
        rules = {"is_trusted": lambda _host: trusted, "apply_forwarded": lambda _scope: None}
        async with serving(app, **rules) as place:
            fields = b"".join(name + b": 1\r\n" for name in NAMES)
            await place.ask(b"GET / HTTP/1.1\r\n" + fields + CLOSE)

    run(main)
    return names


def test_a_proxy_does_not_pass_on_names_that_pretend_to_be_its_own() -> None:
    assert names_seen(trusted=True) == [*INNOCENT, b"host", b"connection"]


def test_without_a_proxy_every_name_is_passed_on() -> None:
    names = [name.lower() for name in NAMES]
    assert names_seen(trusted=False) == [*names, b"host", b"connection"]
