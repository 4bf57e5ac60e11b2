"""fasterapi_asgi._sockets: asyncio's rules for binding, and one line for what cannot be bound."""

import asyncio
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeHttpServer

from fasterapi_asgi import Config
from fasterapi_asgi._sockets import (
    Listener,
    name_of,
    open_admin_sockets,
    open_sockets,
    running_message,
)
from fasterapi_asgi.errors import OptionError

Address = tuple[socket.AddressFamily, str]


def bind(**options: Any) -> list[socket.socket]:
    return asyncio.run(open_sockets(Config("app:app", log_config=None, **options)))


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def asyncio_binds(host: Any, port: int) -> list[socket.socket]:
    """Bind as uvicorn does, and return duplicates that outlive asyncio's server."""

    async def main() -> list[socket.socket]:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
        copies = [socket.socket(fileno=os.dup(sock.fileno())) for sock in server.sockets]
        server.close()
        return copies

    return asyncio.run(main())


def facts_of(sockets: list[socket.socket]) -> set[Any]:
    facts = set()
    for sock in sockets:
        with sock:
            v6 = sock.family == socket.AF_INET6
            facts.add(
                (
                    sock.family,
                    sock.getsockname()[0],
                    sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR),
                    v6 and sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
                    sock.getblocking(),
                )
            )
    return facts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "", None])
def test_a_host_is_bound_as_asyncio_binds_it(host: str | None) -> None:
    ours = facts_of(bind(host=host, port=0))
    theirs = facts_of(asyncio_binds(host, 0))
    without_blocking = {fact[:-1] for fact in theirs}  # a duplicate forgets it
    assert {fact[:-1] for fact in ours} == without_blocking
    assert {fact[-1] for fact in ours} == {False}


def test_a_port_in_use_has_asyncios_text() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        errors = []
        for attempt in (lambda: bind(port=port), lambda: asyncio_binds("127.0.0.1", port)):
            with pytest.raises(OSError, match="error while attempting to bind") as failed:
                attempt()
            errors.append((failed.value.errno, str(failed.value)))
    assert errors[0] == errors[1]


def test_an_address_of_another_machine_has_asyncios_text() -> None:
    errors = []
    for attempt in (
        lambda: bind(host="192.0.2.1", port=1),
        lambda: asyncio_binds("192.0.2.1", 1),
    ):
        with pytest.raises(OSError, match=r"192\.0\.2\.1") as failed:
            attempt()
        errors.append(str(failed.value))
    assert errors[0] == errors[1]


def test_a_host_that_does_not_exist_has_the_resolvers_text() -> None:
    with pytest.raises(socket.gaierror, match=r"\[Errno -\d+\] "):
        bind(host="no-such-host.invalid")


@pytest.mark.parametrize("port", [-1, 65536, 99999, "http", ""])
def test_a_number_that_is_no_port_is_named(port: Any) -> None:
    with pytest.raises(OptionError, match=f"--port {port} is not a port: give a number from 0"):
        bind(port=port)


def test_a_port_from_the_environment_may_be_text() -> None:
    port: Any = "0"
    [sock] = bind(port=port)
    with sock:
        message = running_message(Config("app:app", log_config=None, port=port), sock)
        assert message[1] == ("http", *sock.getsockname())


# unix sockets


def test_a_unix_socket_is_open_to_everybody(tmp_path: Path) -> None:
    path = tmp_path / "s"
    [sock] = bind(uds=str(path))
    with sock:
        assert (sock.family, path.stat().st_mode & 0o777) == (socket.AF_UNIX, 0o666)


def test_a_stale_unix_socket_is_replaced_and_passes_its_mode_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
        path.chmod(0o600)
    [sock] = bind(uds=str(path))
    with sock:
        after = path.stat()
        assert after.st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as peer:
            sock.listen()
            peer.connect(str(path))


def test_another_file_in_the_way_of_a_unix_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "important.txt"
    path.write_text("do not delete")
    with pytest.raises(OptionError, match=r"--uds '.*important\.txt' cannot be bound: "):
        bind(uds=str(path))
    assert path.read_text() == "do not delete"


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/no/such/folder/s", "No such file or directory"),
        ("/" + "x" * 120, "AF_UNIX path too long"),
        ("", "the path is empty"),
        ("a\0b", "embedded null"),
        ("/", "Address already in use"),
    ],
)
def test_a_unix_socket_that_cannot_be_bound_is_named_with_cause_and_remedy(
    path: str, cause: str
) -> None:
    with pytest.raises(OptionError, match=r"--uds .* cannot be bound: ") as failed:
        bind(uds=path)
    assert cause in str(failed.value)
    assert "Give a path in an existing, writable folder" in str(failed.value)


# descriptors


def test_a_descriptor_keeps_its_real_family_and_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        [sock] = bind(fd=given.fileno())
        with sock:
            assert (sock.family, sock.getsockname()) == (socket.AF_INET, given.getsockname())
            assert sock.fileno() != given.fileno()


@pytest.mark.parametrize("kind", ["closed", "negative", "huge", "a file", "datagrams"])
def test_a_descriptor_that_is_no_stream_socket_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with (tmp_path / "f").open() as file, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        fds = {
            "a file": file.fileno(),
            "datagrams": datagrams.fileno(),
            "negative": -1,
            "huge": 10**20,
        }
        open_before = open_descriptors()
        with pytest.raises(OptionError, match=r"--fd -?\d+ .*Give an open, bound stream socket"):
            bind(fd=fds.get(kind, 9999))
        assert open_descriptors() == open_before


# what is said


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"port": 80}, "Uvicorn running on http://127.0.0.1:80 (Press CTRL+C to quit)"),
        ({"host": "::", "port": 80}, "Uvicorn running on http://[::]:80 (Press CTRL+C to quit)"),
        ({"host": None, "port": 8}, "Uvicorn running on http://0.0.0.0:8 (Press CTRL+C to quit)"),
        ({"uds": "/s"}, "Uvicorn running on unix socket /s (Press CTRL+C to quit)"),
        (
            {"port": 80, "ssl_certfile": "x"},
            "Uvicorn running on https://127.0.0.1:80 (Press CTRL+C to quit)",
        ),
    ],
)
def test_the_line_that_says_where_the_server_runs_is_uvicorns(
    options: dict[str, Any], text: str
) -> None:
    with socket.socket() as sock:
        message, arguments, coloured = running_message(
            Config("app:app", log_config=None, **options), sock
        )
    assert message % arguments == text
    if coloured is not None:
        assert (coloured % arguments).replace("\x1b[1m", "").replace("\x1b[0m", "") == text


def test_port_0_is_announced_as_the_port_that_was_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = Config("app:app", log_config=None, port=0)
        assert running_message(config, sock)[1] == ("http", *sock.getsockname())


def test_a_descriptor_is_announced_by_its_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = Config("app:app", log_config=None, fd=sock.fileno())
        message, arguments, _ = running_message(config, sock)
        expected = f"Uvicorn running on socket {sock.getsockname()} (Press CTRL+C to quit)"
        assert message % arguments == expected


# --admin-bind


def bind_admin(text: str) -> list[socket.socket]:
    return asyncio.run(open_admin_sockets(text))


@pytest.mark.parametrize("text", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_an_admin_address_is_bound_as_the_main_one(text: str) -> None:
    host = text.rpartition(":")[0].strip("[]")
    assert facts_of(bind_admin(text)) == facts_of(bind(host=host, port=0))


def test_an_admin_address_may_be_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    [sock] = bind_admin(f"unix:{path}")
    with sock:
        assert (sock.getsockname(), name_of(sock)) == (path, f"unix:{path}")
    with pytest.raises(OptionError, match=r"^--admin-bind '' cannot be bound: the path is empty"):
        bind_admin("unix:")


@pytest.mark.parametrize("text", ["9000", ":9000", "a", "a:", "a:b", "127.0.0.1:65536", "[]:1"])
def test_what_is_no_admin_address_is_named(text: str) -> None:
    with pytest.raises(OptionError, match=rf"^--admin-bind {re.escape(repr(text))} is no address"):
        bind_admin(text)


def test_the_name_of_an_address_can_be_opened() -> None:
    for text, name in (("127.0.0.1:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:")):
        [sock] = bind_admin(text)
        with sock:
            assert name_of(sock) == f"{name}{sock.getsockname()[1]}"


# Listener


def test_an_admin_listener_leaves_the_main_ones_alone() -> None:
    listener, core = listen([socket.socket()], admin=True)
    listener.close()
    assert core.calls == [("listen_admin", 7), "stop_listening_admin"]


def listen(sockets: list[socket.socket], **options: Any) -> tuple[Listener, FakeHttpServer]:
    core: Any = FakeHttpServer()
    return Listener(core, sockets, options.pop("backlog", 7), **options), core


def test_a_listener_shows_its_sockets_until_it_is_closed() -> None:
    sockets = [socket.socket(), socket.socket()]
    listener, core = listen(sockets)
    assert (listener.sockets, listener.is_serving()) == (tuple(sockets), True)
    assert core.calls == [("listen", 7)] * 2
    listener.close()
    listener.close()
    assert (listener.sockets, listener.is_serving()) == ((), False)
    assert core.calls == [("listen", 7)] * 2 + ["stop_listening"]
    assert [sock.fileno() for sock in sockets] == [-1, -1]
    asyncio.run(listener.wait_closed())


def test_a_negative_backlog_counts_as_0_as_in_python() -> None:
    listener, core = listen([socket.socket()], backlog=-3)
    listener.close()
    assert core.calls[0] == ("listen", 0)


def test_a_backlog_that_no_integer_holds_is_the_largest() -> None:
    listener, core = listen([socket.socket()], backlog=10**12)
    listener.close()
    assert core.calls[0] == ("listen", 2**31 - 1)


def test_a_closed_listener_removes_its_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    listener, _ = listen(bind(uds=path), uds=path)
    listener.close()
    assert not Path(path).exists()


def test_a_closed_listener_leaves_the_unix_socket_of_its_successor(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    listener, _ = listen(bind(uds=path), uds=path)
    [successor] = bind(uds=path)
    with successor:
        listener.close()
        assert Path(path).is_socket()


def test_a_unix_socket_of_a_relative_path_is_removed_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listener, _ = listen(bind(uds=Path("s")), uds="s")
    monkeypatch.chdir("/")
    listener.close()
    assert not (tmp_path / "s").exists()


def test_a_unix_socket_that_is_gone_already_is_no_error(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    listener, _ = listen(bind(uds=path), uds=path)
    Path(path).unlink()
    listener.close()
    assert not listener.is_serving()


def test_no_socket_stays_open_when_a_later_address_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        found = [(*kind, ("127.0.0.1", 0)), (*kind, taken.getsockname())]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        before = open_descriptors()
        with pytest.raises(OSError, match="address already in use"):
            bind(port=1)
        assert open_descriptors() == before
