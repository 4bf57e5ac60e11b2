"""Start and stop of a server with a real application: lines, order and exit status."""

import hashlib
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from app_server import EXAMPLES, ServerProcess, event_names

Start = Callable[..., ServerProcess]

STOPPED_LINES = [
    "Shutting down",
    "Waiting for application shutdown.",
    "Bookshop is closed",
    "Application shutdown complete.",
    "Finished server process",
]


def lines_in_order(log: str, wanted: list[str]) -> bool:
    """Whether all wanted lines are in the log, each after the one before."""
    return re.search(".*".join(map(re.escape, wanted)), log, re.DOTALL) is not None


def test_sigterm_runs_the_lifespan_shutdown_and_ends_by_that_signal(
    start_bookshop: Start,
) -> None:
    server = start_bookshop()
    with httpx2.Client(base_url=server.url) as client:
        assert client.get("/heartbeat").status_code == 200
        # The connection is still open and idle: it must not hold the server back.
        assert server.stop(signal.SIGTERM) == -signal.SIGTERM
    log = server.stderr.wait_for_end()
    assert lines_in_order(log, STOPPED_LINES), log


def test_a_download_in_progress_is_finished_before_the_server_stops(
    start_bookshop: Start,
) -> None:
    server = start_bookshop()
    size = 50_000_000
    url = f"{server.url}/files/sample?size_bytes={size}"
    received = 0
    with httpx2.stream("GET", url, headers={"accept-encoding": "identity"}, timeout=10) as reply:
        chunks = reply.iter_raw()
        received += len(next(chunks))
        server.send_signal(signal.SIGTERM)
        server.stderr.wait_for("Waiting for connections to close")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)
        received += sum(map(len, chunks))
    assert received == size
    assert server.wait() == -signal.SIGTERM
    log = server.stderr.wait_for_end()
    assert lines_in_order(log, STOPPED_LINES), log


def test_an_open_event_stream_is_cut_off_when_the_grace_period_ends(
    start_bookshop: Start,
) -> None:
    server = start_bookshop("--timeout-graceful-shutdown", "1")
    with httpx2.stream("GET", f"{server.url}/events", timeout=10) as reply:
        lines = reply.iter_lines()  # kept: dropping the iterator would close the connection
        assert event_names(lines, 1) == ["welcome"]
        assert server.stop(signal.SIGTERM) == -signal.SIGTERM
    log = server.stderr.wait_for_end()
    assert lines_in_order(log, STOPPED_LINES), log
    assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in log


def test_what_is_in_the_database_survives_a_restart_after_ctrl_c(
    start_bookshop: Start, tmp_path: Path
) -> None:
    places = {
        "BOOKSHOP_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/shop.db",
        "BOOKSHOP_FILES_FOLDER": str(tmp_path / "files"),
    }
    content = b"kept" * 1000
    first = start_bookshop(**places)
    file_id = httpx2.post(f"{first.url}/files", files={"file": content}).json()["id"]
    assert first.stop(signal.SIGINT) == 0
    assert lines_in_order(first.stderr.wait_for_end(), STOPPED_LINES)

    second = start_bookshop(**places)
    checksum = httpx2.get(f"{second.url}/files/{file_id}/checksum").json()
    assert checksum == {"sha256": hashlib.sha256(content).hexdigest()}
    assert len(httpx2.get(f"{second.url}/authors").json()) == 4  # not seeded twice


def test_a_failing_start_up_ends_the_server_with_status_3(server_name: str, tmp_path: Path) -> None:
    environ = {"BOOKSHOP_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/none/shop.db"}
    folder = EXAMPLES / "bookshop"
    server = ServerProcess(server_name, "main:app", cwd=folder, environ=environ)
    try:
        assert server.wait() == 3
    finally:
        server.end()
    log = server.stderr.wait_for_end()
    assert "unable to open database file" in log
    assert "ERROR:    Application startup failed. Exiting.\n" in log
    assert "Uvicorn running on" not in log


def test_the_bookshop_starts_from_its_own_folder(server_name: str) -> None:
    server = ServerProcess(server_name, "main:app", cwd=EXAMPLES / "bookshop")
    try:
        server.wait_until_running()
        assert httpx2.get(f"{server.url}/heartbeat").json() == {"status": "alive"}
        log = server.stderr.text()
    finally:
        server.end()
    started = ["Started server process", "Waiting for application startup.", "Bookshop is open"]
    assert lines_in_order(log, [*started, "Application startup complete.", "Uvicorn running on"])
    assert "Warning" not in log
