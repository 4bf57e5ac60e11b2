"""How responses are declared immutable: by the decorator, by a rule, in the scope."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import wire_server
from asking import ExpectedLog, ask
from wire import Response, Wire, get, post
from wire_server import WireServer


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    running = WireServer("cache_api:api", loop=wire_server.loop_of(request))
    yield running
    running.stop()


@contextmanager
def serving(target: str, *options: str, **arguments: Any) -> Iterator[WireServer]:
    running = WireServer(target, *options, **arguments)
    try:
        yield running
    finally:
        running.stop()


def send(server: WireServer, request: bytes) -> Response:
    with Wire(server.port) as client:
        client.send(request)
        return client.read_response()


def is_cached(response: Response) -> bool:
    return bool(response.values("age"))


def cached(server: WireServer, target: str, times: int = 3, *fields: str) -> list[bool]:
    return [is_cached(send(server, get(target, *fields))) for _ in range(times)]


# --- the decorator


@pytest.mark.parametrize(
    "path",
    ["/def", "/async", "/with-arguments", "/v1/router/routed", "/mounted/route", "/mounted/class"],
)
def test_the_first_request_is_answered_so_where_the_route_is_found(
    server: WireServer, path: str
) -> None:
    assert cached(server, path) == [True, True, True]


@pytest.mark.parametrize(
    "path",
    [
        "/items/7/a/b",
        "/items/7/a%2Fb",
        "/named",
        "/alias",
        "/named-mount/route",
        "/named-mount/class",
        "/status/200",
    ],
)
def test_the_second_request_is_answered_so_where_it_is_not(server: WireServer, path: str) -> None:
    assert cached(server, path) == [False, True, True]


@pytest.mark.parametrize("path", ["/v1/router/plainly", "/shadow", "/background", "/nowhere"])
def test_nothing_is_cached_that_was_not_declared(
    server: WireServer, log: ExpectedLog, path: str
) -> None:
    assert cached(server, path) == [False, False, False]
    assert "is not stored" not in log.read()


def test_a_name_that_two_endpoints_have_declares_the_right_one(server: WireServer) -> None:
    assert cached(server, "/shadow") == [False, False, False]
    assert cached(server, "/declared-shadow") == [False, True, True]


def test_a_def_endpoint_is_run_in_a_thread(server: WireServer) -> None:
    response = send(server, get("/def"))
    assert is_cached(response)
    assert response.json()["main thread"] is False


def test_the_arguments_of_the_decorator_hold(server: WireServer) -> None:
    seen = set()
    for target in ("/with-arguments", "/with-arguments?lang=de"):
        for fields in ((), ("Accept: a",), ("Accept: b",)):
            answers = [send(server, get(target, *fields)) for _ in range(3)]
            assert all(is_cached(answer) for answer in answers)
            assert len({answer.body for answer in answers}) == 1
            told = answers[0].json()
            assert told["lang"] == ("de" if "?" in target else "en")
            assert told["accept"] == (fields[0][-1] if fields else None)
            seen.add(told["run"])
    assert len(seen) == 6
    assert cached(server, "/with-arguments?other=de") == [False, False, False]


@pytest.mark.parametrize("code", [200, 301, 404])
def test_the_declared_statuses_are_stored(server: WireServer, code: int) -> None:
    responses = [send(server, get(f"/status/{code}")) for _ in range(4)]
    assert {response.status for response in responses} == {code}
    assert is_cached(responses[-1])
    assert len({response.body for response in responses[1:]}) == 1


def test_other_statuses_are_not_stored(server: WireServer, log: ExpectedLog) -> None:
    assert cached(server, "/validated?number=x") == [False, False, False]
    assert cached(server, "/validated?number=1") == [True, True, True]
    text = "The response of GET /validated is not stored: its status is none that is stored."
    assert log.read().count(text) == 1


def test_an_application_that_asks_for_the_client_gets_every_request(
    server: WireServer, log: ExpectedLog
) -> None:
    responses = [send(server, get("/by-client")) for _ in range(3)]
    assert [is_cached(response) for response in responses] == [False, False, False]
    assert [response.json()["client"] for response in responses] == ["127.0.0.1"] * 3
    assert "GET /by-client is not stored: its status is none that is stored" in log.read()


@pytest.mark.parametrize("everything", [False, True])
def test_an_endpoint_in_a_thread_may_invalidate(server: WireServer, everything: bool) -> None:
    before = send(server, get("/async")).json()["run"]
    other = send(server, get("/def")).json()["run"]
    target = "/invalidate-in-thread" + ("" if everything else "?path=/async")
    assert send(server, get(target)).json() == {"main thread": False}
    after = send(server, get("/async"))
    assert is_cached(after) and after.json()["run"] == before + 1
    assert send(server, get("/def")).json()["run"] == other + everything


def test_a_class_is_declared_for_get_and_its_post_invalidates(server: WireServer) -> None:
    path = "/mounted/class"
    cached(server, path)
    before = send(server, get(path))
    assert is_cached(before)
    assert send(server, post(path, b"")).body == b"posted"
    after = send(server, get(path))
    assert is_cached(after) and after.body != before.body


@pytest.fixture(params=wire_server.LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return wire_server.loop_of(request)


@pytest.mark.parametrize("level", ["info", "trace"])  # there is middleware for the latter
def test_starlette_s_routes_are_found(loop: str, level: str) -> None:
    with serving("cache_api:starlette", f"--log-level={level}", loop=loop) as server:
        assert cached(server, "/route") == [True, True, True]
        assert cached(server, "/class") == [True, True, True]
        assert cached(server, "/sub/route") == [False, True, True]


def test_under_uvicorn_nothing_is_cached() -> None:
    with serving("cache_api:api", program="uvicorn") as server:
        for path in ("/def", "/async", "/with-arguments"):
            assert cached(server, path) == [False, False, False]
        assert send(server, get("/invalidate-in-thread")).status == 200


def test_the_cache_can_be_switched_off() -> None:
    with serving("cache_api:api", "--cache-bytes=0", "--cache=GET /background") as server:
        for path in ("/def", "/async", "/background"):
            assert cached(server, path) == [False, False, False]


def test_a_root_path_is_no_part_of_the_paths(loop: str) -> None:
    with serving("cache_api:api", "--root-path=/outer", "--cache=GET /background", loop=loop) as s:
        assert cached(s, "/def") == [True, True, True]
        assert cached(s, "/background") == [True, True, True]
        run = send(s, get("/def")).json()["run"]
        send(s, get("/invalidate-in-thread?path=/def"))
        assert send(s, get("/def")).json()["run"] == run + 1


# --- rules


def test_a_rule_declares_a_path_from_outside(loop: str) -> None:
    rules = ("--cache=GET /v1/router/plainly query=q max-age=60", "--cache=/background")
    with serving("cache_api:api", *rules, loop=loop) as server:
        for target in ("/v1/router/plainly", "/v1/router/plainly?q=1", "/background", "/def"):
            assert cached(server, target) == [True, True, True]
        for target in ("/v1/router/plainly?x=1", "/background?q=1", "/shadow"):
            assert cached(server, target) == [False, False, False]


def test_a_path_is_what_is_written(loop: str) -> None:
    with serving("cache_api:api", "--cache=GET /background", loop=loop) as server:
        for target in ("/b%61ckground", "/background?", "/background/", "//background"):
            assert cached(server, target) == [False, False, False]
        # An endpoint is declared for all spellings, of which each is a path of its own.
        assert cached(server, "/d%65f") == [False, True, True]
        runs = [send(server, get(path)).json()["run"] for path in ("/def", "/d%65f", "/def")]
        assert runs[0] == runs[2] != runs[1]


def test_a_rule_goes_before_what_the_endpoint_declares(loop: str) -> None:
    with serving("cache_api:api", "--cache=GET /with-arguments query=other", loop=loop) as server:
        assert cached(server, "/with-arguments?other=1") == [True, True, True]
        assert cached(server, "/with-arguments?lang=de") == [False, False, False]


KINDS = {
    "max-age": (True, None),
    "s-maxage": (True, None),
    "plain": (False, "its Cache-Control has no max-age and no s-maxage"),
    "no-store": (False, "its Cache-Control says no-store, no-cache or private"),
    "max-age=0": (False, "it has no lifetime left"),
}


def test_with_opt_in_the_response_says_itself_that_it_may_be_stored(loop: str) -> None:
    rules = [f"--cache=GET /kind/{name} opt-in" for name in KINDS]
    with serving("cache_app:app", *rules, "--asgi-extensions=all", loop=loop) as server:
        for name, (is_stored, text) in KINDS.items():
            assert cached(server, f"/kind/{name}") == [is_stored] * 3
            if text:
                server.log.wait_for(f"GET /kind/{name} is not stored: {text}.")


# --- the extension


def test_the_extension_is_offered_where_it_was_asked_for(loop: str) -> None:
    with serving("extensions_app:app", "--asgi-extensions=fasterapi.cache", loop=loop) as server:
        assert ask(server, "/scope").json()["extensions"] == {"fasterapi.cache": {}}
    with serving("extensions_app:app", "--cache=GET /x", loop=loop) as server:
        assert "extensions" not in ask(server, "/scope").json()


def test_a_mistake_in_the_extension_is_named_once(loop: str) -> None:
    with serving("cache_app:app", "--asgi-extensions=fasterapi.cache", loop=loop) as server:
        assert cached(server, "/mistaken/max_age/-1") == [False] * 3
        assert cached(server, "/mistaken/maxage/1") == [False] * 3
        log = server.stop()
    assert log.count("GET /mistaken/max_age/-1 is not stored: max_age -1 is not between 0") == 1
    assert log.count("GET /mistaken/maxage/1 is not stored: fasterapi.cache: there is no 'max") == 1
