"""Early hints, trailers and files by path: where they are offered, and what reaches the peer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import wire
import wire_server
from asking import ExpectedLog, ask
from wire import get
from wire_server import WireServer

MEGABYTE = 1 << 20
NOTHING = ["nothing", ""]


@pytest.fixture(scope="module", params=wire_server.LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    loop = wire_server.loop_of(request)
    running = WireServer("extensions_app:app", "--loop", loop, "--asgi-extensions", "all")
    yield running
    running.stop()


def goes_on(client: wire.Wire) -> bool:
    client.send(get("/plain"))
    return client.read_response().body == b"plain"


def test_the_scope_offers_what_was_asked_for(client: wire.Wire) -> None:
    for _ in range(2):
        client.send(get("/scope"))
        scope = client.read_response().json()
        assert scope["extensions"] == {
            "http.response.early_hint": {},
            "http.response.pathsend": {},
            "http.response.trailers": {},
            "fasterapi.cache": {},
        }
        assert list(scope)[-1] == "extensions"


# --- informational responses


def test_early_hints_come_before_the_response(server: WireServer, client: wire.Wire) -> None:
    client.send(get("/send/hints"))
    for _ in range(2):
        hint = client.read_head()
        links = [("link", "</a.css>; rel=preload"), ("link", "</b.js>")]
        assert (hint.status, hint.reason, hint.fields) == (103, "Early Hints", links)
    assert client.read_response().body == b"hello"
    assert ask(server, "/note/hints").json() == NOTHING
    assert goes_on(client)


def test_an_early_hint_may_be_of_anything_like_bytes(client: wire.Wire) -> None:
    client.send(get("/send/hint_of_buffers"))
    assert client.read_head().fields == [("link", "</a>"), ("link", "</b>")]
    assert client.read_response().body == b"hello"


def test_102_and_103_may_be_sent_as_a_start(client: wire.Wire) -> None:
    client.send(get("/send/processing"))
    first, second = client.read_head(), client.read_head()
    assert (first.status, first.fields) == (102, [])
    assert (second.status, second.fields) == (103, [("link", "</a>"), ("x-a", "b")])
    response = client.read_response()
    assert (response.status, response.body) == (200, b"hello")
    assert goes_on(client)


@pytest.mark.parametrize("name", ["hints", "processing"])
def test_a_peer_of_http_1_0_gets_no_informational_response(client: wire.Wire, name: str) -> None:
    client.send(f"GET /send/{name} HTTP/1.0\r\n\r\n".encode())
    assert client.read_head().status == 200
    assert client.read_to_end() == b"hello"


WRONG_BEFORE_HEAD = {
    "hint_without_links": ("KeyError", "'links'"),
    "hint_of_text": ("TypeError", "a bytes-like object is required, not 'str'"),
    "hint_with_line_break": ("RuntimeError", "Invalid HTTP header value."),
    "informational_with_line_break": ("RuntimeError", "Invalid HTTP header value."),
    "informational_with_bad_name": ("RuntimeError", "Invalid HTTP header name."),
}


@pytest.mark.parametrize("name", WRONG_BEFORE_HEAD)
def test_a_wrong_informational_response_is_a_500_alone(
    server: WireServer, client: wire.Wire, log: ExpectedLog, name: str
) -> None:
    client.send(get(f"/send/{name}"))
    response = client.read_head()
    assert (response.status, client.read_to_end()) == (500, b"Internal Server Error")
    assert tuple(ask(server, f"/note/{name}").json()) == WRONG_BEFORE_HEAD[name]
    assert "Exception in ASGI application" in log.read()


# --- trailers


@pytest.mark.parametrize(
    ("name", "trailers"),
    [
        ("trailers", b"server-timing: db;dur=53\r\nx-checksum: 0\r\n"),
        ("trailers_in_pieces", b"server-timing: db;dur=53\r\nx-checksum: 0\r\nx-last: x\r\n"),
    ],
)
def test_trailers_follow_a_chunked_body(
    server: WireServer, client: wire.Wire, name: str, trailers: bytes
) -> None:
    client.send(get(f"/send/{name}", "TE: deflate, Trailers", "Connection: TE"))
    assert client.read_head().values("transfer-encoding") == ["chunked"]
    expected = b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n"
    assert client.read_exactly(len(expected)) == expected
    assert ask(server, f"/note/{name}").json() == NOTHING
    assert goes_on(client)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("trailers", []),
        ("trailers", ["TE: gzip"]),
        ("trailers_in_pieces", []),
        ("trailers_behind_a_length", ["TE: trailers"]),
    ],
)
def test_trailers_that_cannot_be_sent_are_swallowed(
    server: WireServer, client: wire.Wire, name: str, fields: list[str]
) -> None:
    client.send(get(f"/send/{name}", *fields) + get("/plain"))
    response = client.read_response()
    assert (response.body, response.complete) == (b"hello", True)
    assert client.read_response().body == b"plain"
    assert ask(server, f"/note/{name}").json() == NOTHING


def expected_instead(expected: str, sent: str) -> str:
    return f"Expected ASGI message 'http.response.{expected}', but got 'http.response.{sent}'."


IN_THE_HEAD = "Invalid HTTP trailer: this field must stand in the head."
WRONG_BEHIND_HEAD = {
    "hint_behind_start": expected_instead("body", "early_hint"),
    "trailers_too_early": expected_instead("body", "trailers"),
    "body_behind_its_end": expected_instead("trailers", "body"),
    "trailers_without_headers": "'headers'",
    "trailer_with_line_break": "Invalid HTTP header value.",
    "trailer_with_bad_name": "Invalid HTTP header name.",
    "trailer_that_frames": IN_THE_HEAD,
    "trailer_that_routes": IN_THE_HEAD,
}


@pytest.mark.parametrize("name", WRONG_BEHIND_HEAD)
def test_a_mistake_in_trailers_is_a_cut(
    server: WireServer, client: wire.Wire, log: ExpectedLog, name: str
) -> None:
    client.send(get(f"/send/{name}", "TE: trailers") + get("/plain"))
    response = client.read_response()
    assert (response.status, response.complete) == (200, False)
    assert client.read_to_end() == b""
    assert ask(server, f"/note/{name}").json()[1] == WRONG_BEHIND_HEAD[name]
    assert "Exception in ASGI application" in log.read()


@pytest.mark.parametrize("name", ["no_trailers_promised", "trailers_twice"])
def test_trailers_behind_the_end_are_refused(
    server: WireServer, client: wire.Wire, log: ExpectedLog, name: str
) -> None:
    client.send(get(f"/send/{name}"))
    assert client.read_response().body == b"hello"
    message = "Unexpected ASGI message 'http.response.trailers' sent, after response already "
    assert ask(server, f"/note/{name}").json()[1] == message + "completed."
    assert "Exception in ASGI application" in log.read()


@pytest.mark.parametrize("fields", [[], ["TE: trailers"]])
def test_trailers_that_never_come_are_told_of_in_the_log(
    server: WireServer, client: wire.Wire, log: ExpectedLog, fields: list[str]
) -> None:
    client.send(get("/send/trailers_missing", *fields))
    response = client.read_response()
    assert response.body == b"hello"
    assert response.complete == (fields == [])
    assert ask(server, "/note/trailers_missing").json() == NOTHING
    assert "ASGI callable returned without completing response." in log.read()


# --- files by path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 1024)  # 256 KiB: larger than what is read at once
    return path


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 524288, 3 * MEGABYTE + 1])
@pytest.mark.parametrize("route", ["/file", "/path"])
def test_a_file_is_sent_whole(client: wire.Wire, tmp_path: Path, size: int, route: str) -> None:
    path = tmp_path / "file"
    content = os.urandom(size)
    path.write_bytes(content)
    client.send(get(f"{route}?{path}") + get("/plain"))
    response = client.read_response()
    assert (response.status, response.complete) == (200, True)
    assert response.body == content
    if route == "/file":
        assert response.values("content-length") == [str(size)]
    else:  # without a length a single chunk
        assert len(response.chunks) == (size > 0)
    assert client.read_response().body == b"plain"


def test_a_file_ends_with_the_connection_for_http_1_0(client: wire.Wire, file: Path) -> None:
    client.send(f"GET /path?{file} HTTP/1.0\r\n\r\n".encode())
    assert client.read_head().closes
    assert client.read_to_end() == file.read_bytes()


def test_head_and_range_work_as_without_the_extension(client: wire.Wire, file: Path) -> None:
    client.send(get(f"/file?{file}", method="HEAD"))
    response = client.read_response("HEAD")
    assert response.values("content-length") == [str(256 * 1024)]
    client.send(get(f"/path/262144?{file}", method="HEAD"))  # itself sends the path
    assert client.read_response("HEAD").values("content-length") == [str(256 * 1024)]
    client.send(get(f"/file?{file}", "Range: bytes=1-3"))
    response = client.read_response()
    assert (response.status, response.body) == (206, b"\1\2\3")
    assert goes_on(client)


def test_a_file_of_256_megabytes_takes_no_memory(
    server: WireServer, client: wire.Wire, tmp_path: Path
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as sparse:
        sparse.truncate(256 * MEGABYTE)
    server.forget_peak()
    before = server.resident_bytes
    client.send(get(f"/file?{path}") + get("/plain"))
    assert client.read_head().values("content-length") == [str(256 * MEGABYTE)]
    client.discard(256 * MEGABYTE)
    assert client.read_response().body == b"plain"
    assert server.peak_resident_bytes - before < 16 * MEGABYTE


def test_a_slow_reader_gets_its_file_while_others_are_served(
    server: WireServer, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    content = os.urandom(16 * MEGABYTE)
    path.write_bytes(content)
    with wire.Wire(server.port, receive_buffer=4096) as client:
        client.send(get(f"/file?{path}") + get("/plain"))
        client.read_head()
        received = client.read_exactly(10)
        assert ask(server, "/plain").body == b"plain"
        while len(received) < len(content):
            received += client.read_exactly(min(MEGABYTE, len(content) - len(received)))
            assert ask(server, "/plain").body == b"plain"
        assert received == content
        assert client.read_response().body == b"plain"


def test_a_peer_that_goes_amid_a_file_leaves_nothing_behind(
    server: WireServer, client: wire.Wire, tmp_path: Path
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as sparse:
        sparse.truncate(256 * MEGABYTE)
    client.send(get(f"/path?{path}"))
    client.read_head()
    client.read_exactly(100)
    client.reset()
    assert ask(server, "/plain").body == b"plain"  # that the file is closed is seen by the fixture


def test_a_peer_that_has_closed_its_side_gets_its_file(client: wire.Wire, file: Path) -> None:
    client.send(get(f"/file?{file}"))
    client.half_close()
    assert client.read_response().body == file.read_bytes()
    assert client.read_to_end() == b""


def test_a_file_that_shrinks_while_it_is_sent_is_a_cut(
    server: WireServer, client: wire.Wire, tmp_path: Path
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as sparse:
        sparse.truncate(64 * MEGABYTE)
    client.send(get(f"/file?{path}") + get("/plain"))
    client.read_head()
    assert ask(server, "/plain").body == b"plain"
    os.truncate(path, MEGABYTE)
    assert len(client.read_to_end()) < 64 * MEGABYTE


@pytest.mark.parametrize(
    ("length", "kind", "sent"), [(100, "RuntimeError", 100), (300_000, "RuntimeError", 262_144)]
)
def test_a_file_of_another_length_than_declared_is_a_mistake(
    server: WireServer,
    client: wire.Wire,
    log: ExpectedLog,
    file: Path,
    length: int,
    kind: str,
    sent: int,
) -> None:
    client.send(get(f"/path/{length}?{file}") + get("/plain"))
    assert client.read_head().values("content-length") == [str(length)]
    assert client.read_to_end() == file.read_bytes()[:sent]
    assert ask(server, "/note/path").json() == kind
    text = "longer" if length < sent or length == 100 else "shorter"
    assert f"Response content {text} than Content-Length" in log.read()


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: None, "FileNotFoundError"),  # noqa: ARG005
        (lambda path: path.mkdir(), "IsADirectoryError"),
        (os.mkfifo, "OSError"),
        (lambda path: path.symlink_to(path), "OSError"),
    ],
    ids=["missing", "folder", "pipe", "circle"],
)
def test_what_is_no_file_is_an_error_in_the_application(
    server: WireServer, client: wire.Wire, log: ExpectedLog, tmp_path: Path, make: object, kind: str
) -> None:
    path = tmp_path / "x"
    make(path)  # type: ignore[operator]
    client.send(get(f"/path?{path}"))
    response = client.read_response()
    assert (response.complete, response.body) == (False, b"")
    assert ask(server, "/note/path").json() == kind
    assert f"'{path}'" in log.read()


def test_behind_a_file_that_cannot_be_opened_the_response_goes_on(
    client: wire.Wire, tmp_path: Path
) -> None:
    client.send(get(f"/path_or_else?{tmp_path / 'missing'}"))
    assert client.read_response().body == b"hello"
    assert goes_on(client)
