"""The cache beside the rest of the server: metrics, logs, limits, proxies, the stop."""

import json
import signal
from contextlib import ExitStack
from pathlib import Path

import cache_app
import pytest
import wire_server
from asking import ask
from cache_asking import is_cached, open_gate, response_of
from wire import Wire, get, post
from wire_server import WireServer


@pytest.fixture(params=wire_server.LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return wire_server.loop_of(request)


def test_the_access_log_has_a_line_for_each(loop: str, tmp_path: Path) -> None:
    config = {
        "version": 1,
        "handlers": {"err": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
        "loggers": {name: {"handlers": ["err"], "level": "INFO"} for name in ("uvicorn",)},
    }
    path = tmp_path / "log.json"
    path.write_text(json.dumps(config))
    server = WireServer("cache_app:app", f"--log-config={path}", *cache_app.OPTIONS, loop=loop)
    with Wire(server.port) as client:
        client.send(get("/mirror?lang=a") * 3 + get("/mirror?lang=a", "If-None-Match: *"))
        statuses = [client.read_response().status for _ in range(4)]
        who = f"{client.address[0]}:{client.address[1]}"
    assert statuses == [200, 200, 200, 304]
    lines = [line for line in server.stop().splitlines() if "GET" in line]
    assert lines == [f'{who} - "GET /mirror?lang=a HTTP/1.1" {status}' for status in statuses]


def test_the_limit_of_concurrency_holds(loop: str) -> None:
    server = WireServer("cache_app:app", "--limit-concurrency=2", *cache_app.OPTIONS, loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        statuses = []
        for _ in range(2):
            client = stack.enter_context(Wire(server.port))
            client.send(get("/mirror"))
            statuses.append(client.read_response().status)
    assert statuses == [200, 503]


def test_requests_from_the_cache_count_for_the_server_s_end(loop: str) -> None:
    server = WireServer("cache_app:app", "--limit-max-requests=5", *cache_app.OPTIONS, loop=loop)
    for _ in range(5):
        ask(server, "/mirror")
    assert "Maximum request limit of 5 exceeded" in server.wait_for_exit(signal.SIGTERM)


def test_a_stop_waits_for_those_who_wait(loop: str) -> None:
    server = WireServer("cache_app:app", *cache_app.OPTIONS, loop=loop)
    ask(server, "/control/hold/stop")
    with Wire(server.port) as client, Wire(server.port) as opener:
        client.send(get("/mirror"))
        ask(server, "/note/stop")
        opener.send((request := post("/control/open/stop", b"end"))[:-1])
        ask(server, "/mirror?x")
        server.send_signal(signal.SIGTERM)
        server.log.wait_for("Waiting for connections to close")
        opener.send(request[-1:])
        response = client.read_response()
        assert is_cached(response) and response.closes
    assert "Traceback" not in server.wait_for_exit(signal.SIGTERM)


def test_a_stop_cancels_what_nobody_waits_for(loop: str) -> None:
    server = WireServer("cache_app:app", *cache_app.OPTIONS, loop=loop)
    ask(server, "/control/hold/stop")
    client = Wire(server.port)
    client.send(get("/mirror"))
    ask(server, "/note/stop")
    client.reset()
    ask(server, "/mirror?x")
    log = server.stop()
    assert "Traceback" not in log and "Finished server process" in log


def test_so_many_responses_are_made_at_once(loop: str) -> None:
    server = WireServer("cache_app:app", *cache_app.OPTIONS, loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        ask(server, "/control/hold/many")
        clients = [stack.enter_context(Wire(server.port)) for _ in range(70)]
        for number, client in enumerate(clients):
            client.send(get("/mirror").replace(b"Host: a", b"Host: h%d" % number))
            if number < 64:  # kCacheFills
                ask(server, "/note/many")
        for client in clients[64:]:
            assert not is_cached(client.read_response())
        assert all(client.nothing_received() for client in clients[:64])
        open_gate(server, "many")
        for number, client in enumerate(clients[:64]):
            response = client.read_response()
            assert is_cached(response)
            assert response.json()["headers"] == [["host", f"h{number}"]]


PROXIES = {
    "believed": ((), "https"),
    "not believed": (("--forwarded-allow-ips=10.0.0.1",), "http"),
    "everybody believed": (("--forwarded-allow-ips=*",), "https"),
    "nobody asked": (("--no-proxy-headers",), "http"),
}


@pytest.mark.parametrize("who", PROXIES)
def test_the_scheme_is_what_it_is_for_the_application(loop: str, who: str) -> None:
    options, scheme = PROXIES[who]
    server = WireServer("cache_app:app", *options, *cache_app.OPTIONS, loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        forwarded = ("X-Forwarded-Proto: https", "X-Forwarded-For: 6.6.6.6")
        application = response_of(server, "/mirror", *forwarded, "Cookie: a=b")
        responses = [response_of(server, "/mirror", *forwarded) for _ in range(4)]
        plain = response_of(server, "/mirror")
    assert [application.json()["scheme"], plain.json()["scheme"]] == [scheme, "http"]
    assert {response.json()["scheme"] for response in responses} == {scheme}
    assert all(is_cached(response) for response in [plain, *responses[1:]])
    assert responses[-1].json()["client"] is None


@pytest.mark.parametrize("target", ["/counted", "http://a/counted", "http://b/counted?x"])
def test_another_method_invalidates_whatever_form_its_target_has(loop: str, target: str) -> None:
    server = WireServer("cache_app:app", *cache_app.OPTIONS, loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        assert [response_of(server, "/counted").body for _ in range(2)] == [b"run 1"] * 2
        assert response_of(server, target, method="DELETE").body == b"run 2"
        assert response_of(server, "/counted").body == b"run 3"


def test_what_was_cut_off_may_have_changed_what_is_stored(loop: str) -> None:
    server = WireServer("cache_app:app", *cache_app.OPTIONS, loop=loop)
    with ExitStack() as stack:
        stack.callback(server.stop)
        assert response_of(server, "/counted").body == b"run 1"
        client = Wire(server.port)
        client.send(post("/counted", b"never whole")[:-1])
        client.reset()
        while response_of(server, "/counted").body == b"run 1":
            pass


def test_the_messages_of_a_request_of_the_cache_can_be_logged(loop: str) -> None:
    server = WireServer("cache_app:app", "--log-level=trace", *cache_app.OPTIONS, loop=loop)
    assert [is_cached(ask(server, "/mirror")) for _ in range(2)] == [True, True]
    log = server.stop()
    assert log.count("ASGI [2] Completed") == 1  # the first is the lifespan's
    assert "ASGI [3]" not in log and "Traceback" not in log


def test_a_stop_does_not_wait_for_ever_for_those_who_wait() -> None:
    options = ("--timeout-graceful-shutdown=1", *cache_app.OPTIONS)
    server = WireServer("cache_app:app", *options)
    ask(server, "/control/hold/stop")
    with Wire(server.port) as client:
        client.send(get("/mirror"))
        ask(server, "/note/stop")
        log = server.stop()
        assert client.read_to_end() == b""
    assert "timeout graceful shutdown exceeded" in log and "Traceback" not in log
