"""What becomes of what is stored when its path, its declaration or its time changes."""

import time
from collections.abc import Iterator

import cache_app
import pytest
import wire_server
from asking import ExpectedLog, ask
from cache_asking import is_cached, learned, response_of, sample
from wire import Wire, get
from wire_server import WireServer


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    loop = wire_server.loop_of(request)
    running = WireServer("cache_app:app", "--metrics-path=/metrics", *cache_app.OPTIONS, loop=loop)
    yield running
    running.stop()


def learn_others(server: WireServer) -> None:
    """Make the rules of all paths that were learned before give way (kCacheLearnedRules)."""
    with Wire(server.port) as client:
        for number in range(1030):
            client.send(get(f"/counted/other{number}"))
            client.read_response()


def test_what_is_stored_of_a_path_goes_with_its_rule(server: WireServer) -> None:
    path = learned(server, "counted")
    assert response_of(server, path).body == b"run 2"
    learn_others(server)
    assert response_of(server, path, method="POST").body == b"run 3"
    assert response_of(server, path).body == b"run 4"  # its rule is learned again
    assert response_of(server, path).body == b"run 5"  # b"run 2", which the POST has changed


def test_a_field_of_one_name_is_never_taken_for_one_of_another(server: WireServer) -> None:
    for _ in range(2):
        response_of(server, "/changing/vary?q=1", "X-A: evil")
    assert b"x-a" in response_of(server, "/changing/vary?q=1", "X-A: evil").body
    learn_others(server)
    for _ in range(2):  # the rule is learned again, from a response that varies by x-b
        response_of(server, "/changing/vary?q=2", "X-B: x")
    assert b"x-a" not in response_of(server, "/changing/vary?q=1", "X-B: evil").body


def test_a_path_that_is_spelled_otherwise_is_invalidated_too(server: WireServer) -> None:
    path = learned(server, "counted")
    assert response_of(server, path).body == b"run 2"
    assert response_of(server, path.replace("counted", "%63ounted"), method="POST").body == b"run 3"
    assert response_of(server, path).body == b"run 4"


def test_each_response_is_kept_for_as_long_as_it_says_itself(
    server: WireServer, log: ExpectedLog
) -> None:
    path = learned(server, "changing")  # it says max_age 1000, and from then on 0
    bodies = {response_of(server, path).body for _ in range(3)}
    assert len(bodies) == 3
    assert "GET /changing/" in log.read() and log.read().count("no lifetime left") == 1


def test_the_age_begins_with_the_request(server: WireServer) -> None:
    ask(server, "/control/hold/age")
    with Wire(server.port) as client:
        client.send(get("/counted"))
        ask(server, "/note/age")
        began = time.monotonic()
        while time.monotonic() - began < 1.2:
            ask(server, "/root")
        ask(server, "/control/hold")
        ask(server, "/open/age")
        assert client.read_response().values("age") == ["1"]


def test_each_request_has_one_result_in_the_metrics(server: WireServer) -> None:
    ask(server, "/control/invalidate")
    names = [f"fasterapi_cache_requests_total/{name}" for name in ("hit", "stale", "wait", "pass")]
    before = sum(sample(server, name) for name in names)
    assert is_cached(response_of(server, "/mirror"))
    assert sum(sample(server, name) for name in names) == before + 1
