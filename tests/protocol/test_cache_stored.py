"""What the cache stores and what it leaves to the application, and the bytes that it sends."""

import re
from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

import cache_app
import pytest
import wire_server
from asking import ExpectedLog, ask
from wire import TRAILING, Response, Wire, get, post
from wire_server import WireServer

numbers = count()
MOMENT = {"date", "age"}


# One loop: what is stored, and for whom, is decided where none of them is known.
@pytest.fixture(scope="module", params=wire_server.LOOPS[:1])
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    running = WireServer("cache_app:app", *cache_app.OPTIONS, loop=wire_server.loop_of(request))
    yield running
    running.stop()


def ask_for(client: Wire, target: str, *fields: str, method: str = "GET") -> Response:
    client.send(get(target, *fields, method=method))
    return client.read_response(method)


def stored(client: Wire, target: str) -> Response:
    """A response from the cache: the first request of two shows that its path is declared."""
    ask_for(client, target)
    response = ask_for(client, target)
    assert is_cached(response)
    return response


def is_cached(response: Response) -> bool:
    return bool(response.values("age"))


def fields_of(response: Response, *but: str) -> list[tuple[str, str]]:
    return [field for field in response.fields if field[0] not in MOMENT | set(but)]


def kind(name: str) -> str:
    return f"/kind/{quote(name)}/{next(numbers)}"


# --- what is stored


@pytest.mark.parametrize("name", sorted(cache_app.STORED.keys() - {"of one connection"}))
def test_a_response_is_stored_and_sent_as_it_was_made(client: Wire, name: str) -> None:
    path = kind(name)
    with_cookie = get(path, "Cookie: a=b")  # this one is the application's
    for _ in range(20):  # the head of the plain one is known soon
        client.send(get(path) + with_cookie + get(path))
        first, made, cached = (client.read_response() for _ in range(3))
        assert not is_cached(made)
        assert is_cached(cached)
        assert first.body == cached.body == made.body
        assert cached.status == made.status
        assert fields_of(cached, "etag") == fields_of(made, "etag")
        assert len(cached.values("date")) == len(cached.values("etag")) == 1
        assert made.values("etag") in ([], cached.values("etag"))


def test_fields_of_one_connection_are_not_stored(server: WireServer) -> None:
    path = "/kind/of%20one%20connection"
    assert {"close"} == set(ask(server, path).values("connection"))
    with Wire(server.port) as client:
        for _ in range(3):
            response = ask_for(client, path)
            assert is_cached(response)
            assert not {"connection", "keep-alive"} & {name for name, _ in response.fields}
            assert cache_app.HOUR not in response.values("date")


@pytest.mark.parametrize("name", cache_app.REFUSED)
def test_a_response_is_not_stored(server: WireServer, log: ExpectedLog, name: str) -> None:
    path, runs = kind(name), []
    for _ in range(4):
        with Wire(server.port) as client:
            client.send(get(path))
            client.read_head()
        runs.append(ask(server, f"/control/runs{path}").json())
    assert runs == [1, 3, 4, 5]  # the second is asked for the cache first; then there is a note
    text, _ = cache_app.REFUSED[name]
    warning = f"The response of GET {path} is not stored: {text}.\n"
    assert log.read().count(warning) == log.read().count("is not stored") == 1


def test_a_note_that_nothing_can_be_stored_is_of_one_key(client: Wire, log: ExpectedLog) -> None:
    """A peer that names another host gets an error made for it; for all others it says nothing."""
    for host in ("evil", "a", "evil", "a"):
        client.send(f"GET /trusted/page HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        response = client.read_response()
        assert (response.status, is_cached(response)) == ((400, False), (200, True))[host == "a"]
    assert log.read().count("is not stored: its status is none") == 1


@pytest.mark.parametrize("name", ["vary", "all of a 304"])
def test_fields_that_vary_names_belong_to_the_key(client: Wire, name: str) -> None:
    path = kind(name)
    stored(client, path)
    for fields in ((), ("X-Device: a",), ("X-Device: b",), ("X-Device:",)):
        for _ in range(2):
            assert is_cached(ask_for(client, path, *fields))
    assert not is_cached(ask_for(client, path, "X-Device: a", "X-Device: a"))


# --- which requests

APPLICATIONS = """Authorization Proxy-Authorization Cookie Origin Range If-Range If-Match
If-Unmodified-Since Cache-Control Pragma Forwarded X-Forwarded-Host X-Forwarded-Path
X-Forwarded-Prefix X-Forwarded-Scheme X-Host X-Original-Host X-Original-URI X-Original-URL
X-Rewrite-URL X-HTTP-Method X-HTTP-Method-Override X-Method-Override"""


def answered_by(client: Wire) -> str:
    response = client.read_response()
    return "cache" if response.json()["client"] is None and is_cached(response) else "application"


@pytest.mark.parametrize("field", re.split(r"\s+", APPLICATIONS))
def test_a_request_with_such_a_field_is_the_applications(
    client: Wire, delivery: str, field: str
) -> None:
    client.send(get("/mirror"))
    assert answered_by(client) == "cache"
    client.deliver(get("/mirror", f"{field}: x"), delivery)
    assert answered_by(client) == "application"
    if delivery == "with trailing bytes":
        assert client.read_response().body == b"trailing"


REQUESTS = {
    "a body": post("/mirror", b"x").replace(b"POST", b"GET"),
    "an empty body in chunks": get("/mirror", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "a whole URI": get("http://a/mirror"),
    "an undeclared parameter": get("/mirror?x=1"),
    "a parameter twice": get("/mirror?lang=en&lang=en"),
    "a semicolon": get("/mirror?lang=en;x"),
    "an empty query": get("/mirror?"),
    "an escape in the path": get("/%6dirror"),
    "an expectation": get("/mirror", "Expect: 100-continue"),
    "an upgrade": get("/mirror", "Connection: Upgrade", "Upgrade: x"),
    "a conditional field twice": get("/mirror", "If-None-Match: *", "If-None-Match: *"),
}


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
def test_a_request_with_such_a_thing_is_the_applications(
    client: Wire, delivery: str, log: ExpectedLog, request_bytes: bytes
) -> None:
    assert log
    client.deliver(request_bytes, delivery)
    assert answered_by(client) == "application"
    if delivery == "with trailing bytes":
        assert client.read_response().body == b"trailing"


@pytest.mark.parametrize(
    "name",
    ["Cookie", "Authorization", "Origin", "X-Forwarded-Host", "X-Original-URL", "X-API-Key"],
)
def test_a_field_that_is_declared_belongs_to_the_key(client: Wire, name: str) -> None:
    for value in ("one", "two"):
        for _ in range(2):
            response = ask_for(client, "/keyed", f"{name}: {value}", "X-Anything: x")
            assert is_cached(response)
            assert response.json()["headers"] == [["host", "a"], [name.lower(), value]]
    assert ask_for(client, "/keyed").json()["headers"] == [["host", "a"]]
    assert not is_cached(ask_for(client, "/keyed", f"{name}: one", "Cache-Control: no-cache"))


CACHED = {
    "a plain request": get("/mirror"),
    "each parameter once": get("/mirror?page=2&lang=en"),
    "a field that says nothing": get("/mirror", "User-Agent: x", "X-Anything: y"),
    "another host": get("/mirror").replace(b"Host: a", b"Host: b:8080"),
    "the scheme of a proxy": get("/mirror", "X-Forwarded-Proto: https", "X-Forwarded-For: b"),
    "a field of the key": get("/varied", "Accept: x", "Accept-Language: y"),
}


@pytest.mark.parametrize("request_bytes", CACHED.values(), ids=CACHED)
def test_a_request_is_answered_from_the_cache_however_it_comes(
    client: Wire, delivery: str, request_bytes: bytes
) -> None:
    client.send(get("/mirror", "X-Forwarded-Proto: http"))  # who is believed is known behind it
    client.read_response()
    client.deliver(request_bytes, delivery)
    assert answered_by(client) == "cache"
    if delivery == "with trailing bytes":
        assert client.read_response().body == b"trailing"
    client.send(request_bytes * 3 + TRAILING)
    assert [answered_by(client) for _ in range(3)] == ["cache"] * 3
    assert client.read_response().body == b"trailing"


CLOSING = {
    "a field that says so": (get("/mirror", "Connection: close"), "cache"),
    "HTTP/1.0": (get("/mirror").replace(b"/1.1", b"/1.0"), "cache"),
    "HTTP/1.0 without a Host": (b"GET /mirror HTTP/1.0\r\n\r\n", "application"),
}


@pytest.mark.parametrize(("request_bytes", "answerer"), CLOSING.values(), ids=CLOSING)
def test_a_response_closes_where_the_request_wants_it(
    server: WireServer, request_bytes: bytes, answerer: str
) -> None:
    for _ in range(3):
        with Wire(server.port) as client:
            client.send(request_bytes)
            assert answered_by(client) == answerer
            assert client.read_to_end() == b""


# --- what is sent


@pytest.mark.parametrize("name", sorted(cache_app.STORED.keys() - {"of one connection"}))
def test_the_head_of_head_is_that_of_get(client: Wire, name: str) -> None:
    path = kind(name)
    cached = stored(client, path)
    for _ in range(3):
        head = ask_for(client, path, method="HEAD")
        assert (head.status, fields_of(head), head.body) == (cached.status, fields_of(cached), b"")
        assert is_cached(head)


def test_head_is_answered_first_from_what_get_makes(client: Wire) -> None:
    path = kind("plain")
    ask_for(client, path, method="HEAD")
    head = ask_for(client, path, method="HEAD")
    assert is_cached(head) and head.values("content-length") == ["4"]
    assert ask_for(client, path).body == b"body"


NONE_MATCH = {
    "the tag": ('"own"', 304),
    "the tag, weak": ('W/"own"', 304),
    "a list": ('"a", "b,c" ,, W/"own"', 304),
    "anything": ("*", 304),
    "another tag": ('"other"', 200),
    "the tag without quotes": ("own", 200),
    "the tag in capitals": ('"OWN"', 200),
    "a tag that is not closed": ('"own', 200),
    "anything in quotes": ('"*"', 200),
    "nothing": ("", 200),
}


@pytest.mark.parametrize("name", ["etag", "weak etag", "etag and last-modified"])
@pytest.mark.parametrize("condition", NONE_MATCH)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_is_answered(client: Wire, name: str, condition: str, method: str) -> None:
    path, (value, status) = kind(name), NONE_MATCH[condition]
    stored(client, path)
    # RFC 9110 section 13.1.3: the date does not count beside a tag.
    date = f"If-Modified-Since: {cache_app.HOUR}"
    for fields in ((f"If-None-Match: {value}",), (f"If-None-Match: {value}", date)):
        response = ask_for(client, path, *fields, method=method)
        assert (response.status, is_cached(response)) == (status, True)
        assert response.body == (b"body" if (status, method) == (200, "GET") else b"")


def test_a_304_has_the_fields_that_it_is_to_have(client: Wire) -> None:
    path = kind("all of a 304")
    stored(client, path)
    response = ask_for(client, path, 'If-None-Match: "own"')
    names = [name for name, _ in response.fields]
    assert names == ["date", "server", "etag", "cache-control", "content-location", "vary", "age"]


def test_a_tag_of_the_cache_s_own_is_that_of_the_body(client: Wire) -> None:
    tags = [stored(client, kind("plain")).values("etag") for _ in range(2)]
    assert tags[0] == tags[1] != stored(client, kind("in pieces")).values("etag")
    path = kind("plain")
    stored(client, path)
    assert ask_for(client, path, f"If-None-Match: {tags[0][0]}").status == 304


@pytest.mark.parametrize(
    ("date", "status"),
    [
        ("Fri, 01 Jan 2010 00:00:00 GMT", 304),
        ("Fri, 01 Jan 2010 00:00:01 GMT", 200),
        ("Fri, 01 Jan 2000 00:00:00 GMT", 200),
        ("yesterday", 200),
    ],
)
def test_if_modified_since_is_answered(client: Wire, date: str, status: int) -> None:
    path = kind("last-modified")
    stored(client, path)
    response = ask_for(client, path, f"If-Modified-Since: {date}")
    assert (response.status, is_cached(response)) == (status, True)


def test_a_condition_that_comes_first_is_judged_by_what_is_made(client: Wire) -> None:
    path = kind("etag")
    ask_for(client, path)
    assert ask_for(client, path, 'If-None-Match: "own"').status == 304
    assert ask_for(client, path).body == b"body"


@pytest.mark.parametrize("size", [8191, 8192, 8193, 1 << 20])
def test_a_large_body_is_sent_to_peers_that_read_slowly(server: WireServer, size: int) -> None:
    path = f"/large/{size}/{next(numbers)}"
    ask(server, path)
    with Wire(server.port, receive_buffer=4096) as slow, Wire(server.port) as fast:
        slow.send(get(path) * 3)
        assert ask_for(fast, path).body == b"2" * size
        ask(server, f"/control/invalidate{path}")  # what is on its way is whole nevertheless
        assert ask_for(fast, path).body == b"3" * size
        bodies = {slow.read_response().body for _ in range(3)}
    assert bodies <= {b"2" * size, b"3" * size}


def test_what_the_cache_holds_is_bounded(server: WireServer) -> None:
    small = WireServer(
        "cache_app:app", "--cache-bytes=100000", *cache_app.OPTIONS, loop=server.loop
    )
    try:
        with Wire(small.port) as client:
            one, two, three, four = (f"/large/30000/{name}" for name in "abcd")
            for path in (one, two, three):
                stored(client, path)
            assert ask_for(client, one).body[:1] == b"2"  # used last; `two` is the oldest now
            stored(client, four)
            assert [ask_for(client, path).body[:1] for path in (one, three, four, two)] == [
                *(b"2", b"2", b"2"),
                b"3",
            ]
            ask_for(client, too_large := "/large/100001")
            assert not is_cached(ask_for(client, too_large))
            assert not is_cached(ask_for(client, too_large))
        small.log.wait_for("GET /large/100001 is not stored: it is longer than 100000 bytes")
    finally:
        small.stop()
