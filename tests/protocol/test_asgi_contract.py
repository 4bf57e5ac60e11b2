"""What an application sees and what becomes of its mistakes: the same here and under uvicorn."""

from collections.abc import Iterator

import pytest
import wire
import wire_server
from asking import ExpectedLog, ask
from wire import get, post
from wire_server import WireServer


@pytest.fixture(scope="module", params=[*wire_server.LOOPS, "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    if request.param == "uvicorn":
        running = wire_server.WireServer("wire_app:app", program="uvicorn")
    else:
        running = wire_server.WireServer("wire_app:app", loop=wire_server.loop_of(request))
    yield running
    running.stop()


def tracebacks(log: str) -> int:
    return log.count("Traceback (most recent call last):")


UNEXPECTED = "Unexpected ASGI message '{}' sent, after response already completed."
EXPECTED = "Expected ASGI message 'http.response.{}', but got '{}'."
WRONG = {
    "body_first": ("RuntimeError", EXPECTED.format("start", "http.response.body")),
    "start_twice": ("RuntimeError", EXPECTED.format("body", "http.response.start")),
    "start_behind_body": ("RuntimeError", EXPECTED.format("body", "http.response.start")),
    "body_behind_end": ("RuntimeError", UNEXPECTED.format("http.response.body")),
    "start_behind_end": ("RuntimeError", UNEXPECTED.format("http.response.start")),
    "unknown_first": ("RuntimeError", EXPECTED.format("start", "websocket.send")),
    "unknown_second": ("RuntimeError", EXPECTED.format("body", "http.response.debug")),
    "too_long": ("RuntimeError", "Response content longer than Content-Length"),
    "too_short": ("RuntimeError", "Response content shorter than Content-Length"),
    "line_break_in_value": ("RuntimeError", "Invalid HTTP header value."),
    "nul_in_value": ("RuntimeError", "Invalid HTTP header value."),
    "line_break_in_name": ("RuntimeError", "Invalid HTTP header name."),
    "blank_in_name": ("RuntimeError", "Invalid HTTP header name."),
    "no_type": ("KeyError", "'type'"),
    "no_status": ("KeyError", "'status'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_message_raises_in_the_application(
    server: WireServer, log: ExpectedLog, kind: str
) -> None:
    with wire.Wire(server.port) as client:
        client.send(get(f"/wrong/{kind}"))
        client.half_close()
        client.read_to_end()
    assert tuple(ask(server, f"/note/{kind}").json()) == WRONG[kind]
    logged = log.read()
    assert tracebacks(logged) == 1
    assert "Exception in ASGI application" in logged


@pytest.mark.parametrize("kind", ["body_first", "unknown_first", "no_type"])
def test_a_wrong_message_before_the_start_is_a_500(
    server: WireServer, log: ExpectedLog, kind: str
) -> None:
    assert ask(server, f"/wrong/{kind}").status == 500
    assert tracebacks(log.read()) == 1


def test_an_exception_before_the_start_is_a_500_and_a_traceback(
    client: wire.Wire, log: ExpectedLog
) -> None:
    client.send(get("/raise/before"))
    response = client.read_response()
    assert (response.status, response.body) == (500, b"Internal Server Error")
    assert response.values("content-type") == ["text/plain; charset=utf-8"]
    assert response.closes
    assert client.read_to_end() == b""
    logged = log.read()
    assert tracebacks(logged) == 1
    assert "LookupError: raised on purpose" in logged


@pytest.mark.parametrize("when", ["after_start", "mid_body"])
def test_an_exception_behind_the_start_aborts_the_response(
    client: wire.Wire, log: ExpectedLog, when: str
) -> None:
    client.send(get(f"/raise/{when}") + get("/"))
    response = client.read_response()
    assert response.status == 200
    assert not response.complete
    assert response.chunks == ([b"so far"] if when == "mid_body" else [])
    assert client.read_to_end() == b""
    assert tracebacks(log.read()) == 1


def test_an_exception_behind_the_response_does_not_touch_it(
    client: wire.Wire, log: ExpectedLog
) -> None:
    client.send(get("/raise/after_body"))
    response = client.read_response()
    assert (response.status, response.body) == (200, b"complete")
    assert tracebacks(log.read()) == 1


RETURNED = {
    "before_start": (500, "ASGI callable returned without starting response."),
    "after_start": (200, "ASGI callable returned without completing response."),
    "mid_body": (200, "ASGI callable returned without completing response."),
}


@pytest.mark.parametrize("when", RETURNED)
def test_an_application_that_returns_too_early_is_told_of_in_the_log(
    client: wire.Wire, log: ExpectedLog, when: str
) -> None:
    client.send(get(f"/return/{when}"))
    response = client.read_response()
    status, line = RETURNED[when]
    assert response.status == status
    assert response.complete == (status == 500)
    assert client.read_to_end() == b""
    logged = log.read()
    assert line in logged
    assert tracebacks(logged) == 0


def test_an_application_that_returns_something_is_told_of_in_the_log(
    client: wire.Wire, log: ExpectedLog
) -> None:
    client.send(get("/return/something"))
    assert client.read_to_end() == b""
    assert "ASGI callable should return None, but returned 'something'." in log.read()


def test_the_scope_is_the_same(server: WireServer, client: wire.Wire) -> None:
    client.send(get("/scope/a%20b%2Fc?d=%20e", "X-One: 1", "x-one:  2"))
    scope = client.read_response().json()
    headers = [["b'host'", "b'a'"], ["b'x-one'", "b'1'"], ["b'x-one'", "b'2'"]]
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ["127.0.0.1", server.port],
        "client": list(client.address),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/scope/a b/c",
        "raw_path": "b'/scope/a%20b%2Fc'",
        "query_string": "b'd=%20e'",
        "headers": scope["headers"],
        "state": {},
    }
    assert [[repr(eval(name)), value] for name, value in scope["headers"]] == headers


@pytest.mark.parametrize("body", [b"", b"half"])
def test_a_peer_that_goes_is_seen_by_receive(
    server: WireServer, client: wire.Wire, body: bytes
) -> None:
    name = f"gone{len(body)}"
    client.send(get(f"/disconnect/{name}", "Content-Length: 8", method="POST") + body)
    assert ask(server, f"/note/{name}").json() == "waiting"
    client.reset()
    types = ask(server, f"/note/{name}").json()
    assert types[-2:] == ["http.disconnect", "http.disconnect"]
    assert types[:-2] == (["http.request"] if body else [])


def test_receive_says_disconnect_behind_the_whole_request(
    server: WireServer, client: wire.Wire
) -> None:
    client.send(post("/disconnect/whole", b"body"))
    assert ask(server, "/note/whole").json() == "waiting"
    client.close()
    types = ask(server, "/note/whole").json()
    assert types == ["http.request", "http.disconnect", "http.disconnect"]


def test_send_is_silent_to_a_peer_that_has_gone(server: WireServer, client: wire.Wire) -> None:
    client.send(get("/streaming_disconnect/silent"))
    assert client.read_head().status == 200
    client.reset()
    assert ask(server, "/note/silent").json() == "told"


def test_what_a_request_has_seen_stays_while_others_come(client: wire.Wire) -> None:
    for number in range(5):
        body = b"%d" % number * 100
        client.send(post(f"/keep/{number}?q={number}", body, f"X-Number: {number}"))
        seen = client.read_response().json()
    for number, (path, query, (_, value), body) in zip(map(str, range(5)), seen, strict=True):
        assert [path, query, value] == [f"b'/keep/{number}'", f"b'q={number}'", f"b'{number}'"]
        assert body == f"b'{number * 100}'"
