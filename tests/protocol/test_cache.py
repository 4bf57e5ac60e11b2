"""The cache at work: one run for all that wait, lifetimes, invalidation, limits, the end."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import cache_app
import pytest
import wire_server
from asking import ExpectedLog, ask
from cache_asking import (
    body_of,
    is_cached,
    learned,
    numbers,
    open_gate,
    response_of,
    runs_of,
    sample,
    wait_for_fill,
)
from wire import Wire, get, post
from wire_server import DEADLINE, WireServer

METRICS = "--metrics-path=/metrics"


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    loop = wire_server.loop_of(request)
    running = WireServer("cache_app:app", METRICS, *cache_app.OPTIONS, loop=loop)
    yield running
    running.stop()


@pytest.fixture
def holding(server: WireServer) -> Iterator[str]:
    """A gate at which the cache's own requests wait until it is opened."""
    name = f"hold{next(numbers)}"
    ask(server, "/control/invalidate")
    ask(server, f"/control/hold/{name}")
    yield name
    ask(server, "/control/hold")


# --- one run for all


def test_requests_that_come_at_once_have_one_run(server: WireServer, holding: str) -> None:
    before = runs_of(server, "/counted")
    with ExitStack() as stack:
        clients = [stack.enter_context(Wire(server.port)) for _ in range(50)]
        for index, client in enumerate(clients):
            client.send(get("/counted", method="HEAD" if index % 5 == 4 else "GET"))
        pipelined = stack.enter_context(Wire(server.port))
        pipelined.send(get("/counted") * 50)
        wait_for_fill(server, holding)
        assert all(client.nothing_received() for client in [*clients, pipelined])
        open_gate(server, holding)
        methods = ["HEAD" if index % 5 == 4 else "GET" for index in range(50)]
        responses = [
            client.read_response(method) for client, method in zip(clients, methods, strict=True)
        ]
        responses += [pipelined.read_response() for _ in range(50)]
    assert runs_of(server, "/counted") == before + 1
    assert all(is_cached(response) for response in responses)
    body = f"run {before + 1}".encode()
    assert {response.body for response in responses} == {body, b""}


@pytest.mark.parametrize("problem", ["failing", "cookie"])
def test_requests_go_to_the_application_when_nothing_is_made_for_them(
    server: WireServer, holding: str, log: ExpectedLog, problem: str
) -> None:
    assert log
    path = f"/counted/{problem}"
    before = runs_of(server, path)
    with ExitStack() as stack:
        clients = [stack.enter_context(Wire(server.port)) for _ in range(20)]
        for client in clients:
            client.send(get(path) + get(path, method="HEAD"))
        wait_for_fill(server, holding)
        open_gate(server, holding)
        bodies = [client.read_response().body for client in clients]
        heads = [client.read_response("HEAD") for client in clients]
    numbers_seen = sorted(int(body.split()[1]) for body in bodies)
    assert len(set(numbers_seen)) == 20 and numbers_seen[0] > before + 1
    assert not any(is_cached(head) for head in heads)
    assert runs_of(server, path) == before + 1 + 40
    ask(server, path)  # for some seconds nobody tries again
    assert runs_of(server, path) == before + 1 + 41


def test_a_request_that_is_waiting_may_go(server: WireServer, holding: str) -> None:
    before = runs_of(server, "/counted")
    with Wire(server.port) as stays:
        going = [Wire(server.port) for _ in range(10)]
        for client in going:
            client.send(get("/counted"))
        wait_for_fill(server, holding)
        stays.send(get("/counted"))
        for index, client in enumerate(going):
            client.reset() if index % 2 else client.close()
        assert stays.nothing_received()
        open_gate(server, holding)
        assert stays.read_response().body == f"run {before + 1}".encode()


def test_a_response_is_stored_when_nobody_waits_any_more(server: WireServer, holding: str) -> None:
    before = runs_of(server, "/counted")
    client = Wire(server.port)
    client.send(get("/counted"))
    wait_for_fill(server, holding)
    client.reset()
    open_gate(server, holding)
    response = response_of(server, "/counted")
    assert response.body == f"run {before + 1}".encode() and is_cached(response)


def test_requests_wait_no_longer_than_five_seconds() -> None:
    server = WireServer("cache_app:app", *cache_app.OPTIONS)
    with ExitStack() as stack:
        stack.callback(server.stop)
        ask(server, "/control/hold/long")
        first, second = (stack.enter_context(Wire(server.port)) for _ in range(2))
        began = time.monotonic()
        first.send(get("/counted"))
        ask(server, "/note/long")
        second.send(get("/counted"))
        bodies = {client.read_response().body for client in (first, second)}
        assert 4.5 < time.monotonic() - began < DEADLINE
        assert bodies == {b"run 2", b"run 3"}
        assert ask(server, "/counted").body == b"run 4"  # no longer than they
        open_gate(server, "long")
        while (response := ask(server, "/counted")).body != b"run 1":
            assert time.monotonic() - began < DEADLINE
        assert is_cached(response)


# --- lifetimes


@pytest.mark.parametrize("lifetime", ["0.3/0", "0.3/0/max-age=1000", "1000/0/max-age=1"])
def test_what_has_expired_is_made_anew(server: WireServer, lifetime: str) -> None:
    path = learned(server, f"aging/{lifetime}")
    deadline = time.monotonic() + DEADLINE
    first = response_of(server, path)
    assert (first.body, is_cached(first)) == (b"run 2", True)
    seen = first.body
    while seen == b"run 2":
        assert time.monotonic() < deadline
        seen = body_of(server, path)
    assert seen == b"run 3"


def test_what_is_stale_is_sent_while_it_is_being_made_anew(
    server: WireServer, holding: str
) -> None:
    ask(server, "/control/hold")
    stale = sample(server, "fasterapi_cache_requests_total/stale")
    path = learned(server, "aging/0.2/60")
    assert body_of(server, path) == b"run 2"
    ask(server, f"/control/hold/{holding}")
    while runs_of(server, path) == 2:
        assert body_of(server, path) == b"run 2"
    with Wire(server.port) as client:
        client.send(get(path) * 10 + get(path, 'If-None-Match: "x"') * 10)
        responses = [client.read_response() for _ in range(20)]
    assert all(is_cached(response) for response in responses)
    assert {response.body for response in responses} == {b"run 2"}
    assert runs_of(server, path) == 3  # one run for all that come while it is stale
    open_gate(server, holding)
    while body_of(server, path) == b"run 2":
        pass
    assert sample(server, "fasterapi_cache_requests_total/stale") >= stale + 20


def test_what_is_stale_is_given_up_when_it_cannot_be_made_anew(
    server: WireServer, log: ExpectedLog
) -> None:
    path = learned(server, "aging/0.1/60/failing")
    assert body_of(server, path) == b"run 2"
    deadline = time.monotonic() + DEADLINE
    while is_cached(response_of(server, path)):
        assert time.monotonic() < deadline
    assert f"The response of GET {path} is not stored: the application failed" in log.read()


def test_the_age_is_told_in_seconds(server: WireServer) -> None:
    path = learned(server, "aging/1000/0")
    began = time.monotonic()
    while (age := response_of(server, path).values("age")) == ["0"]:
        assert time.monotonic() - began < DEADLINE
    assert age == ["1"] and time.monotonic() - began > 0.9


# --- invalidation


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_invalidated_is_made_anew(server: WireServer, whole: bool) -> None:
    path, other = learned(server, "counted"), learned(server, "counted")
    with Wire(server.port) as client:
        for at in (path, other):
            client.send(get(at) * 20)
            assert [client.read_response().body for _ in range(20)] == [b"run 2"] * 20
        ask(server, "/control/invalidate" + ("" if whole else path))
        client.send(get(path) + get(other) + get(path))
        bodies = [client.read_response().body for _ in range(3)]
    assert bodies == [b"run 3", b"run 3" if whole else b"run 2", b"run 3"]


def test_an_escaped_path_is_invalidated_as_the_application_sees_it(server: WireServer) -> None:
    number = next(numbers)
    spellings = [f"/counted/%C3%A4{number}", f"/counted/%c3%a4{number}"]
    for path in spellings * 2:
        ask(server, path)
    assert [is_cached(response_of(server, path)) for path in spellings] == [True, True]
    before = runs_of(server, spellings[0])
    ask(server, f"/control/invalidate{spellings[0]}")
    assert body_of(server, spellings[0]) == f"run {before + 1}".encode()
    assert body_of(server, spellings[1]) == f"run {before + 2}".encode()


def test_what_is_invalidated_while_it_is_made_is_not_stored(
    server: WireServer, holding: str
) -> None:
    before = runs_of(server, "/counted")
    with Wire(server.port) as early, Wire(server.port) as late:
        early.send(get("/counted"))
        wait_for_fill(server, holding)
        ask(server, "/control/invalidate/counted")
        late.send(get("/counted"))  # does not wait for what was begun before
        assert late.read_response().body == f"run {before + 2}".encode()
        open_gate(server, holding)
        response = early.read_response()
        assert not is_cached(response) and response.body == f"run {before + 3}".encode()
    response = response_of(server, "/counted")
    assert is_cached(response) and response.body == f"run {before + 4}".encode()


@pytest.mark.parametrize("status", [200, 204, 303, 400, 404, 500])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "REPORT"])
def test_another_method_invalidates_if_it_succeeds(
    server: WireServer, method: str, status: int
) -> None:
    path, other = learned(server, "counted"), learned(server, "counted")
    request = post(path, b"x", f"X-Status: {status}").replace(b"POST", method.encode(), 1)
    with Wire(server.port) as client:
        client.send(get(path) * 3 + get(other) + request + get(path) + get(other))
        bodies = [client.read_response().body for _ in range(5)]
        assert bodies[:4] == [b"run 2"] * 4
        after = client.read_response().body
        assert after == (b"run 2" if status >= 400 else b"run 4")
        assert client.read_response().body == b"run 2"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_safe_method_invalidates_nothing(server: WireServer, method: str) -> None:
    path = learned(server, "counted")
    assert body_of(server, path) == b"run 2"
    assert response_of(server, path, method=method).status == 200
    assert body_of(server, path) == b"run 2"


# --- metrics


def test_the_cache_is_counted(server: WireServer) -> None:
    names = [f"fasterapi_cache_requests_total/{name}" for name in ("hit", "wait", "pass")]
    names += [f"fasterapi_cache_{name}_total" for name in ("fills", "refused")]
    ask(server, "/control/invalidate")
    ask(server, "/root")  # it takes effect with a request
    assert sample(server, "fasterapi_cache_entries") == 0
    counts = [[sample(server, name) for name in names]]
    for fields in ((), ("Cookie: a=b",), ()):  # made and waited for, the application's, found
        response_of(server, "/mirror", *fields)
        counts.append([sample(server, name) for name in names])
    made, passed, found = (
        [new - old for old, new in zip(before, after, strict=True)]
        for before, after in pairwise(counts)
    )
    assert (made[1:], passed, found) == ([1, 0, 1, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0])
    assert sample(server, "fasterapi_cache_entries") == 1
    assert 300 < sample(server, "fasterapi_cache_bytes") < 3000
