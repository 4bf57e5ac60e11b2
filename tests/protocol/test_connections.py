"""HTTP/1.1 on the wire: one request after the other, in order, and what ends a connection."""

import pytest
import wire
from asking import ExpectedLog, ask
from wire import get, post
from wire_server import WireServer


def expect_trailing(client: wire.Wire, delivery: str) -> None:
    """The connection has gone on: with what stood behind the request, or with a new one."""
    if delivery != "with trailing bytes":
        client.send(wire.TRAILING)
    assert client.read_response().body == b"trailing"


def test_a_request_without_a_body_is_answered(client: wire.Wire, delivery: str) -> None:
    client.deliver(get("/"), delivery)
    response = client.read_response()
    assert (response.status, response.reason, response.body) == (200, "OK", b"root")
    assert not response.closes
    expect_trailing(client, delivery)


def test_the_default_fields_are_uvicorns(client: wire.Wire) -> None:
    client.send(get("/"))
    names = [name for name, _ in client.read_response().fields]
    assert names == ["date", "server", "content-length"]


def test_a_connection_is_kept_alive(client: wire.Wire) -> None:
    for number in range(100):
        body = b"%d" % number
        client.send(post("/echo", body))
        assert client.read_response().body == body


def test_a_body_of_a_declared_length_is_echoed(client: wire.Wire, delivery: str) -> None:
    client.deliver(post("/echo", b"hello\r\n\r\nworld"), delivery)
    assert client.read_response().body == b"hello\r\n\r\nworld"
    expect_trailing(client, delivery)


def test_a_chunked_body_is_echoed(client: wire.Wire, delivery: str) -> None:
    head = get("/echo", "Transfer-Encoding: chunked", method="POST")
    client.deliver(head + b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nChecksum: x\r\n\r\n", delivery)
    assert client.read_response().body == b"hello world"
    expect_trailing(client, delivery)


def test_a_response_without_a_length_comes_in_chunks(client: wire.Wire, delivery: str) -> None:
    client.deliver(get("/chunks/3"), delivery)
    response = client.read_response()
    assert response.values("transfer-encoding") == ["chunked"]
    assert response.chunks == [b"0,", b"1,", b"2,"]
    expect_trailing(client, delivery)


def test_head_has_the_length_and_not_the_body(client: wire.Wire, delivery: str) -> None:
    client.deliver(get("/", method="HEAD"), delivery)
    response = client.read_response("HEAD")
    assert response.values("content-length") == ["4"]
    expect_trailing(client, delivery)


@pytest.mark.parametrize("status", [204, 304])
def test_204_and_304_have_no_body(client: wire.Wire, delivery: str, status: int) -> None:
    client.deliver(get(f"/status/{status}"), delivery)
    response = client.read_response()
    assert response.status == status
    assert not response.values("transfer-encoding")
    expect_trailing(client, delivery)


@pytest.mark.parametrize(("status", "reason"), [(418, "I'm a Teapot"), (299, ""), (599, "")])
def test_every_final_status_can_be_sent(client: wire.Wire, status: int, reason: str) -> None:
    client.send(get(f"/status/{status}"))
    response = client.read_response()
    assert (response.status, response.reason) == (status, reason)


def test_pipelined_requests_are_answered_in_order(client: wire.Wire) -> None:
    bodies = [b"%d" % number for number in range(50)]
    client.send(b"".join(post("/echo", body) for body in bodies))
    assert [client.read_response().body for _ in bodies] == bodies


def test_a_handler_that_takes_long_does_not_let_later_requests_overtake(
    server: WireServer, client: wire.Wire
) -> None:
    client.send(get("/wait/slow") + get("/") + get("/chunks/1"))
    assert ask(server, "/note/slow").json() == "waiting"
    assert client.nothing_received()
    ask(server, "/open/slow")
    assert [client.read_response().body for _ in range(3)] == [b"slow", b"root", b"0,"]


def test_handlers_of_several_connections_end_in_any_order(server: WireServer) -> None:
    with wire.Wire(server.port) as first, wire.Wire(server.port) as second:
        for client, name in [(first, "first"), (second, "second")]:
            client.send(get(f"/wait/{name}"))
            assert ask(server, f"/note/{name}").json() == "waiting"
        ask(server, "/open/second")
        assert second.read_response().body == b"second"
        assert first.nothing_received()
        ask(server, "/open/first")
        assert first.read_response().body == b"first"


def test_100_continue_comes_when_the_application_reads(
    server: WireServer, client: wire.Wire
) -> None:
    head = get("/read_later/c", "Content-Length: 2", "Expect: 100-continue", method="POST")
    client.send(head)
    assert ask(server, "/note/c").json() == "waiting"
    assert client.nothing_received()
    ask(server, "/open/c")
    assert client.read_head().status == 100
    client.send(b"ok")
    assert client.read_response().body == b"ok"


def test_there_is_no_100_continue_when_nobody_reads(client: wire.Wire) -> None:
    client.send(get("/early", "Content-Length: 2", "Expect: 100-continue", method="POST"))
    assert client.read_head().status == 200
    assert client.read_exactly(5) == b"early"
    client.send(b"ok" + get("/"))
    assert client.read_response().body == b"root"


def test_a_body_that_comes_behind_the_response_is_discarded(client: wire.Wire) -> None:
    client.send(get("/early", "Content-Length: 50000", method="POST"))
    assert client.read_response().body == b"early"
    client.send(bytes(50000) + get("/"))
    assert client.read_response().body == b"root"


def test_too_large_a_body_behind_the_response_ends_the_connection(client: wire.Wire) -> None:
    client.send(get("/early", "Content-Length: 1000000", method="POST"))
    assert client.read_response().body == b"early"
    client.deliver(bytes(100000) + get("/"), "whole")
    assert client.read_to_end() == b""


def test_http_1_0_is_closed_behind_its_response(client: wire.Wire, delivery: str) -> None:
    client.deliver(b"GET /chunks/3 HTTP/1.0\r\n\r\n", delivery)
    response = client.read_response()
    assert response.closes
    assert not response.values("transfer-encoding")
    assert response.body == b"0,1,2,"


def test_a_request_that_closes_is_the_last(client: wire.Wire, delivery: str) -> None:
    client.deliver(get("/", "Connection: close"), delivery)
    response = client.read_response()
    assert response.closes
    assert response.body == b"root"
    assert client.read_to_end() == b""


def test_a_peer_that_stopped_sending_is_answered(client: wire.Wire) -> None:
    client.send(get("/") + post("/echo", b"second"))
    client.half_close()
    assert client.read_response().body == b"root"
    assert client.read_response().body == b"second"
    assert client.read_to_end() == b""


@pytest.mark.parametrize("part", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_request_that_is_not_finished_is_not_answered(client: wire.Wire, part: bytes) -> None:
    client.send(part)
    client.half_close()
    assert client.read_to_end() == b""


REFUSED = {
    "malformed": (b"nonsense\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two lengths": (get("/", "Content-Length: 1", "Content-Length: 2"), 400),
    "head too large": (get("/", f"X: {'x' * 70000}"), 431),
    "too many fields": (get("/", *["X: y"] * 101), 431),
    "another version": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_mistake_of_the_peer_is_refused_and_logged_in_a_line(
    client: wire.Wire, log: ExpectedLog, kind: str, delivery: str
) -> None:
    data, status = REFUSED[kind]
    client.deliver(data, delivery)
    response = client.read_response()
    assert response.status == status
    assert response.closes
    assert client.read_to_end() == b""
    (line,) = log.read().splitlines()
    assert line.startswith("WARNING:  Invalid HTTP request received.")


def test_a_mistake_does_not_touch_the_response_before_it(
    server: WireServer, client: wire.Wire, log: ExpectedLog
) -> None:
    client.send(get("/wait/mistake") + b"nonsense\r\n\r\n")
    assert ask(server, "/note/mistake").json() == "waiting"
    ask(server, "/open/mistake")
    assert client.read_response().body == b"mistake"
    assert client.read_response().status == 400
    assert client.read_to_end() == b""
    assert len(log.read().splitlines()) == 1


def test_a_body_that_turns_out_malformed_is_refused(client: wire.Wire, log: ExpectedLog) -> None:
    client.send(get("/echo", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\nxyz\r\n")
    assert client.read_response().status == 400
    assert client.read_to_end() == b""
    assert "Invalid HTTP request received." in log.read()


def test_a_declined_upgrade_is_a_request_like_any_other(
    client: wire.Wire, log: ExpectedLog
) -> None:
    client.send(get("/", "Connection: upgrade", "Upgrade: h2c") + get("/trailing"))
    assert client.read_response().body == b"root"
    assert client.read_response().body == b"trailing"
    assert "Unsupported upgrade request." in log.read()
