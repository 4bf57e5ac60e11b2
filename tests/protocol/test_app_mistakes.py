"""What applications do wrong: the peer sees one right message or a cut, the log one record."""

import re
from collections.abc import Iterator

import mistakes_app
import pytest
import wire
import wire_server
from asking import ExpectedLog, ask
from wire import get, post
from wire_server import WireServer

# Where uvicorn does something else; differences.md says what. It checks a head while it writes it,
# behind the point from which it can only cut the connection.
NOT_LIKE_UVICORN = {
    *(name for name in mistakes_app.REFUSED if name.startswith(("status", "header", "name"))),
    *(name for name in mistakes_app.REFUSED if name.startswith(("value", "length", "last"))),
    "body_is_none",
    "awaited_in_turn",
    "never_awaited",
    "sent_behind_the_application",
}
POINTS = (
    "before_receive",
    "mid_request",
    "before_start",
    "after_start",
    "mid_length",
    "mid_chunked",
    "after_end",
)


def cases() -> dict[str, list[tuple[str, ...]]]:
    """Server and further parameters of each test here."""
    raised = [(error, point) for error in mistakes_app.ERRORS for point in POINTS]
    found = {
        "error,point": [(loop, *case) for loop in wire_server.LOOPS for case in raised]
        + [("uvicorn", *case) for case in raised if case[1] != "after_end"]
    }
    for argument in ("refused", "cut", "whole", "cut_at_length", "odd", "task"):
        names = mistakes_app.TABLES[argument]
        loops = wire_server.LOOPS if argument == "task" else wire_server.LOOPS[:1]
        found[argument] = [(loop, name) for loop in loops for name in names]
        found[argument] += [("uvicorn", name) for name in names if name not in NOT_LIKE_UVICORN]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for arguments, values in cases().items():
        if arguments.split(",")[0] in metafunc.fixturenames:
            names = ["server", *arguments.split(",")]
            metafunc.parametrize(names, values, indirect=["server"])


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, WireServer]]:
    """Those that are running, by name: the cases alternate between them."""
    running: dict[str, WireServer] = {}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture
def server(request: pytest.FixtureRequest, servers: dict[str, WireServer]) -> WireServer:
    name = request.param if request.param == "uvicorn" else wire_server.loop_of(request)
    if name not in servers:
        program, *flags = [name] if name == "uvicorn" else ["fasterapi_asgi", "--loop", name]
        servers[name] = WireServer("mistakes_app:app", *flags, program=program)
    return servers[name]


def only_record(log: ExpectedLog) -> str:
    """The one record that was logged."""
    text = log.read()
    records = re.findall(r"^(?:[A-Z]+:  |Task |Exception ignored)", text, re.MULTILINE)
    assert records == ["ERROR:  "], text
    return text


def exchange(client: wire.Wire, method: str = "GET") -> wire.Response:
    """One response; behind it the connection goes on with the next request, or it ends."""
    response = client.read_response(method)
    if response.closes or not response.complete:
        assert client.read_to_end() == b""
    else:
        client.send(get("/"))
        assert client.read_response().body == b"root"
    return response


def test_whatever_is_raised_wherever_costs_its_own_response_only(
    client: wire.Wire, log: ExpectedLog, error: str, point: str
) -> None:
    request = post(f"/raise/{error}/{point}", b"body")
    client.send(request[: -2 if point in {"before_receive", "mid_request"} else None])
    response = exchange(client)
    if point in {"before_receive", "mid_request", "before_start"}:
        assert (response.status, response.body) == (500, b"Internal Server Error")
        assert response.closes
    else:
        assert response.status == 200
        assert response.complete == (point == "after_end")
        assert response.body == {"after_start": b"", "after_end": b"abcde"}.get(point, b"abc")
    assert only_record(log).startswith("ERROR:    Exception in ASGI application\n")


@pytest.mark.parametrize("server", wire_server.LOOPS, indirect=True)
def test_a_cut_is_a_reset_where_the_close_would_end_the_body(
    client: wire.Wire, log: ExpectedLog
) -> None:
    client.send(b"POST /raise/exception/mid_chunked HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody")
    assert client.read_head().status == 200
    with pytest.raises(ConnectionResetError):
        client.read_to_end()
    assert only_record(log).startswith("ERROR:    Exception in ASGI application\n")


def told(server: WireServer, name: str) -> tuple[str, str]:
    """What send() raised in the application."""
    kind, text = ask(server, f"/note/{name}").json()
    return kind, text


def test_a_mistake_in_the_head_is_a_500(
    server: WireServer, client: wire.Wire, log: ExpectedLog, refused: str
) -> None:
    client.send(get(f"/send/{refused}"))
    response = exchange(client)
    assert (response.status, response.body, response.closes) == (
        500,
        b"Internal Server Error",
        True,
    )
    assert told(server, refused)[1]
    assert only_record(log).startswith("ERROR:    Exception in ASGI application\n")


def test_a_mistake_behind_the_head_is_a_cut(
    server: WireServer, client: wire.Wire, log: ExpectedLog, cut: str
) -> None:
    client.send(get(f"/send/{cut}") + get("/"))
    response = client.read_response()
    assert response.status == 200
    assert not response.complete
    assert client.read_to_end() == b""
    assert told(server, cut)[1]
    assert only_record(log).startswith("ERROR:    Exception in ASGI application\n")


def test_a_mistake_behind_the_response_leaves_it_whole(
    server: WireServer, client: wire.Wire, log: ExpectedLog, whole: str
) -> None:
    client.send(get(f"/send/{whole}"))
    response = client.read_response()
    assert (response.status, response.complete) == (200, True)
    assert told(server, whole)[0] == "RuntimeError"
    assert only_record(log).startswith("ERROR:    Exception in ASGI application\n")


def test_a_body_is_never_longer_than_declared(
    server: WireServer, client: wire.Wire, log: ExpectedLog, cut_at_length: str
) -> None:
    client.send(get(f"/send/{cut_at_length}") + get("/"))
    response = client.read_response()
    assert response.status == 200
    assert b"12345".startswith(response.body)
    assert client.read_to_end() == b""
    assert told(server, cut_at_length)[1] == "Response content longer than Content-Length"
    assert only_record(log).startswith("ERROR:    Exception in ASGI application\n")


def test_what_is_odd_and_right_is_sent(server: WireServer, client: wire.Wire, odd: str) -> None:
    client.send(get(f"/send/{odd}"))
    response = exchange(client)
    assert (response.status, response.complete, response.body) == (200, True, b"abc")
    assert not (response.values("content-length") and response.values("transfer-encoding"))
    assert told(server, odd) == ("nothing", "")


BODIES = {
    "large_at_once": b"".join(b"%d" % number * 1_000_000 for number in range(4)),
    "at_once": b"abcde",
}


def test_receive_and_send_may_be_used_by_any_task(
    server: WireServer, client: wire.Wire, log: ExpectedLog, task: str
) -> None:
    client.send(post(f"/task/{task}", b"abc"))
    response = client.read_response()
    assert ask(server, f"/note/{task}").json() == "ended"
    if task == "sent_behind_the_application":
        assert (response.status, response.closes) == (500, True)
        assert "returned without starting response" in only_record(log)
        assert ask(server, "/note/late").json() == "silent"
        return
    assert (response.status, response.body) == (200, BODIES.get(task, b"abc"))
    if task == "background":
        assert ask(server, "/note/late").json() == "raised"
    client.send(get("/"))
    assert client.read_response().body == b"root"
    assert log.read() == ""


@pytest.mark.parametrize("server", [*wire_server.LOOPS, "uvicorn"], indirect=True)
def test_what_is_sent_to_a_peer_that_has_gone_is_not_even_looked_at(
    server: WireServer, client: wire.Wire
) -> None:
    client.send(get("/gone"))
    assert ask(server, "/note/gone").json() == "waiting"
    client.reset()
    assert ask(server, "/note/gone").json() == "silent"
