"""Both programs side by side: bad input, signals and exit codes.

Where uvicorn prints a traceback for a mistake of the user, we say it in one line.
The exit code is the same.
"""

import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from programs import DEADLINE, Ended, Running, run_both, running

PROGRAMS = ["uvicorn", "fasterapi_asgi"]

SAME_LINES = {
    "no application": [],
    "no colon": ["good"],
    "no module name": [":app"],
    "unknown module": ["no_such_module:app"],
    "unknown attribute": ["good:nope"],
    "unknown attribute of an attribute": ["good:app.x"],
    "unknown package": ["no_such_package.module:app"],
    "import error in the application": ["imports_nothing_real:app"],
    "error in the application": ["raises:app"],
    "no Python": ["no_python:app"],
    "factory that wants arguments": ["good:wants_arguments", "--factory"],
    "factory that raises": ["good:raises", "--factory"],
    "two applications": ["good:app", "good:app"],
    "unknown option": ["good:app", "--no-such-option"],
    "port that is no number": ["good:app", "--port", "abc"],
    "keep-alive that is no integer": ["good:app", "--timeout-keep-alive", "1.5"],
    "limit that is no number": ["good:app", "--limit-max-requests", "x"],
    "unknown lifespan": ["good:app", "--lifespan", "x"],
    "unknown interface": ["good:app", "--interface", "x"],
    "upper-case log level": ["good:app", "--log-level", "INFO"],
    "log config that does not exist": ["good:app", "--log-config", "/no/such/file"],
    "env file that does not exist": ["good:app", "--env-file", "/no/such/file"],
    "switch with a value": ["good:app", "--use-colors=1"],
    "option without its value": ["good:app", "--port"],
    "loop without a colon": ["good:app", "--loop", "nonsense"],
    "loop of an unknown module": ["good:app", "--loop", "no_such_module:x"],
    "loop of an unknown attribute": ["good:app", "--loop", "good:nope"],
    "startup that fails": ["good:fails", "--port", "0"],
    "no requests at all": ["good:app", "--port", "0", "--limit-max-requests", "0"],
    "factory without the flag": ["good:factory", "--port", "0", "--limit-max-requests", "0"],
}
ONE_LINE = {
    "header without a colon": (["--header", "foo"], "'foo' must be NAME:VALUE"),
    "header that is not latin-1": (["--header", "a:☃"], "must be NAME:VALUE in latin-1"),
    "descriptor that is closed": (["--fd", "99"], "--fd 99 cannot be used: Bad file descriptor"),
    "descriptor that is no socket": (["--fd", "0"], "--fd 0 cannot be used: Socket operation on"),
    "port that is too high": (["--port", "99999"], "--port 99999 is not a port"),
    "port below 0": (["--port", "-1"], "--port -1 is not a port"),
    "socket in no folder": (["--uds", "/no/such/s"], "cannot be bound: No such file or directory"),
    "socket in the place of a folder": (["--uds", "/"], "cannot be bound: Address already in use"),
    "socket without a name": (["--uds", ""], "cannot be bound: the path is empty"),
    "log config that is none": (["--log-config", "bad.ini"], "'bad.ini' cannot be used"),
    "log config that is no JSON": (["--log-config", "bad.json"], "'bad.json' cannot be used"),
}


def without_ports(lines: list[str]) -> list[str]:
    return [line if "running on http" not in line else "running on http" for line in lines]


@pytest.mark.parametrize("arguments", SAME_LINES.values(), ids=SAME_LINES.keys())
def test_bad_input_has_uvicorns_lines_and_exit_code(arguments: list[str], tmp_path: Path) -> None:
    ours, theirs = run_both(*arguments, folder=tmp_path)
    assert without_ports(ours.lines) == without_ports(theirs.lines)
    assert (ours.code, ours.stdout) == (theirs.code, theirs.stdout)


@pytest.mark.parametrize(("arguments", "text"), ONE_LINE.values(), ids=ONE_LINE.keys())
def test_a_mistake_that_uvicorn_shows_as_a_traceback_is_one_line(
    arguments: list[str], text: str, tmp_path: Path
) -> None:
    ours, theirs = run_both("good:app", *arguments, folder=tmp_path)
    assert (ours.code, theirs.code) == (1, 1)
    assert theirs.has_traceback and not ours.has_traceback
    assert len([line for line in ours.lines if text in line]) == 1


def test_a_port_in_use_has_uvicorns_lines_and_exit_code(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ours, theirs = run_both("good:app", "--port", port, folder=tmp_path)
    assert ours.lines == theirs.lines
    assert (ours.code, theirs.code) == (3, 3)


def test_a_header_that_would_break_the_response_is_refused(tmp_path: Path) -> None:
    ours, _ = run_both("good:app", "--header", "a:b\r\nc: d", "--fd", "99", folder=tmp_path)
    assert (ours.code, ours.has_traceback) == (1, False)
    assert "Invalid HTTP header value" in ours.stderr


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def serve_and_signal(program: str, number: signal.Signals, folder: Path) -> Ended:
    with running(program, "good:app", "--port", "0", folder=folder) as server:
        with server.connect() as peer:
            peer.sendall(get("/"))
            assert peer.recv(65536).startswith(b"HTTP/1.1 200 OK")
            server.send_signal(number)
            ended = server.finish()
    return Ended(ended.code, ended.stdout.replace(str(server.port), "PORT"), ended.stderr)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -15)])
def test_a_signal_ends_a_server_in_the_same_way(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    ours, theirs = (serve_and_signal(program, number, tmp_path) for program in reversed(PROGRAMS))
    assert without_ports(ours.lines) == without_ports(theirs.lines)
    assert (ours.code, theirs.code) == (code, code)
    assert '"GET / HTTP/1.1" 200 OK' in ours.stdout and '"GET / HTTP/1.1" 200 OK' in theirs.stdout


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -15)], ids=["SIGINT", "SIGTERM"]
)
def test_the_second_signal_ends_a_server_with_an_open_stream(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with running("fasterapi_asgi", "good:app", "--port", "0", folder=tmp_path) as server:
        with server.connect() as peer:
            peer.sendall(get("/stream"))
            assert peer.recv(65536).startswith(b"HTTP/1.1 200 OK")
            server.send_signal(number)
            server.wait_for_line("Waiting for connections to close. (CTRL+C to force quit)")
            server.send_signal(number)
            ended = server.finish()
    assert ended.code == code
    assert ended.lines[-1] == "INFO:     Finished server process [PID]"
    assert "INFO:     Waiting for application shutdown." not in ended.lines


def end_from_within(program: str, where: str, how: str, folder: Path) -> Ended:
    with running(program, "good:leaves", "--port", "0", folder=folder) as server:
        with server.connect() as peer:
            peer.sendall(get(f"/{where}/{how}"))
            return server.finish()


@pytest.mark.parametrize("how", ["exit", "interrupt"])
@pytest.mark.parametrize("where", ["task", "callback"])
def test_an_exit_outside_of_a_request_ends_the_process_in_the_same_way(
    where: str, how: str, tmp_path: Path
) -> None:
    ours, theirs = (end_from_within(program, where, how, tmp_path) for program in PROGRAMS[::-1])
    assert ours.code == theirs.code == {"exit": 7, "interrupt": 0}[how]


@pytest.mark.parametrize("how", ["exit", "interrupt"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_exit_within_a_request_is_the_requests_own_failure(
    program: str, how: str, tmp_path: Path
) -> None:
    with running(program, "good:leaves", "--port", "0", folder=tmp_path) as server:
        for _ in range(2):
            with server.connect() as peer:
                peer.sendall(get(f"/request/{how}"))
                assert peer.recv(65536).startswith(b"HTTP/1.1 500 ")
        server.send_signal(signal.SIGINT)
        ended = server.finish()
    assert (ended.code, ended.stderr.count("Exception in ASGI application")) == (0, 2)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_unix_socket_is_served_and_removed_at_the_end(program: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with running(program, "good:app", "--uds", "s", folder=tmp_path) as server:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(get("/"))
            assert peer.recv(65536).startswith(b"HTTP/1.1 200 OK")
        assert path.stat().st_mode & 0o777 == 0o666
        server.send_signal(signal.SIGINT)
        ended = server.finish()
    assert "Uvicorn running on unix socket s (Press CTRL+C to quit)" in ended.stderr
    assert ' - "GET / HTTP/1.1" 200 OK' in ended.stdout
    assert (ended.code, path.exists()) == (0, False)


def test_the_version_is_one_line_without_an_application(tmp_path: Path) -> None:
    ours, theirs = run_both("--version", folder=tmp_path)
    assert (ours.code, ours.stderr) == (theirs.code, theirs.stderr) == (0, "")
    assert ours.stdout.split(", ")[0].split(" with ")[1] == theirs.stdout.strip().split(" with ")[1]


def exchange(server: Running, *lines: str, path: str | None = None) -> str:
    """Send one request on a connection of its own and return the body."""
    head = "\r\n".join([*lines, "Host: a", "Connection: close", "", ""])
    if path is None:
        peer = server.connect()
    else:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(DEADLINE)
        peer.connect(path)
    with peer, peer.makefile("rwb") as stream:
        stream.write(head.encode("latin-1"))
        stream.flush()
        return stream.read().decode("latin-1").partition("\r\n\r\n")[2]


def logged_by(program: str, flags: list[str], targets: list[str], folder: Path) -> str:
    with running(program, "good:answers", "--port", "0", *flags, folder=folder) as server:
        for target in targets:
            exchange(server, f"GET {target} HTTP/1.1")
        server.send_signal(signal.SIGINT)
        return re.sub(r"127\.0\.0\.1:\d+", "PEER", server.finish().stdout)


@pytest.mark.parametrize(
    "flags",
    [["--no-use-colors"], ["--use-colors"], ["--root-path", "/api"], ["--no-access-log"]],
    ids=" ".join,
)
def test_the_access_log_is_uvicorns_byte_by_byte(flags: list[str], tmp_path: Path) -> None:
    statuses = (200, 204, 299, 301, 304, 404, 418, 500, 503, 599)
    targets = [f"/status/{status}" for status in statuses]
    targets += ['/a%20b/%C3%A9%22?q=%20&x="y"', "/a;b=,+~!$&'()*:@/x?", "http://host/x/y?z"]
    ours, theirs = (logged_by(program, flags, targets, tmp_path) for program in reversed(PROGRAMS))
    assert ours == theirs
    assert ours.count("\n") == (0 if flags == ["--no-access-log"] else len(targets))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_filter_that_is_added_while_serving_sees_its_own_request(
    program: str, tmp_path: Path
) -> None:
    targets = ["/x/health", "/hide/health", "/x/health", "/x/other"]
    lines = logged_by(program, [], targets, tmp_path).splitlines()
    assert [line.split('"')[1] for line in lines] == [
        "GET /x/health HTTP/1.1",
        "GET /x/other HTTP/1.1",
    ]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_trace_tells_of_connections_and_messages(program: str, tmp_path: Path) -> None:
    flags = ["--port", "0", "--log-level", "trace"]
    with running(program, "good:answers", *flags, folder=tmp_path) as server:
        exchange(server, "GET /x/y HTTP/1.1")
        server.wait_for_line("HTTP connection lost")
        server.send_signal(signal.SIGINT)
        said = server.finish().stderr
    lines = re.findall(r"^TRACE: +127\.0\.0\.1:\d+ - (\w+ (?:\w+|\[2\]) \w+)", said, re.MULTILINE)
    sends = ["ASGI [2] Send"] * 2
    assert lines == [
        "HTTP connection made",
        "ASGI [2] Started",
        *sends,
        "ASGI [2] Completed",
        "HTTP connection lost",
    ]


FORWARDED = ("X-Forwarded-For: 1.2.3.4, 127.0.0.1", "X-Forwarded-Proto: https")


@pytest.mark.parametrize(
    ("flags", "believed"),
    [
        ([], True),
        (["--no-proxy-headers"], False),
        (["--forwarded-allow-ips", "10.0.0.1"], False),
        (["--forwarded-allow-ips", "10.0.0.0/8,127.0.0.0/8"], True),
        (["--log-level", "trace"], True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("program", PROGRAMS)
def test_forwarding_headers_are_believed_from_the_same_peers(
    program: str, flags: list[str], believed: bool, tmp_path: Path
) -> None:
    with running(program, "good:answers", "--port", "0", *flags, folder=tmp_path) as server:
        body = exchange(server, "GET /x/y HTTP/1.1", *FORWARDED)
        server.send_signal(signal.SIGINT)
        server.finish()
    assert ("(('1.2.3.4', 0), 'https')" in body) is believed
    assert believed or re.search(r"\(\('127\.0\.0\.1', \d+\), 'http'\)", body)


@pytest.mark.parametrize(
    ("flags", "seen"),
    [
        ([], "(None, 'http')"),
        (["--forwarded-allow-ips", "*"], "(('1.2.3.4', 0), 'https')"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("program", PROGRAMS)
def test_on_a_unix_socket_only_a_star_believes_forwarding_headers(
    program: str, flags: list[str], seen: str, tmp_path: Path
) -> None:
    with running(program, "good:answers", "--uds", "s", *flags, folder=tmp_path) as server:
        body = exchange(server, "GET /x/y HTTP/1.1", *FORWARDED, path=str(tmp_path / "s"))
        server.send_signal(signal.SIGINT)
        server.finish()
    assert seen in body


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_maximum_of_requests_ends_the_process_with_code_0(program: str, tmp_path: Path) -> None:
    flags = ["--port", "0", "--limit-max-requests", "2"]
    with running(program, "good:answers", *flags, folder=tmp_path) as server:
        for _ in range(2):
            exchange(server, "GET /x/y HTTP/1.1")
        ended = server.finish()
    assert "Maximum request limit of 2 exceeded. Terminating process." in ended.stderr
    assert (ended.code, ended.lines[-1]) == (0, "INFO:     Finished server process [PID]")


def test_an_idle_server_does_not_wake_up(tmp_path: Path) -> None:
    with running("fasterapi_asgi", "good:app", "--port", "0", folder=tmp_path) as server:
        exchange(server, "GET / HTTP/1.1")
        status = Path(f"/proc/{server.process.pid}/status")
        pattern = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)$", re.MULTILINE)
        before = pattern.findall(status.read_text())
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(timeout=2)  # uvicorn wakes up 20 times meanwhile
        after = pattern.findall(status.read_text())
        server.send_signal(signal.SIGINT)
        server.finish()
    assert int(after[0]) - int(before[0]) <= 3
