"""Starts a server on an ephemeral port of 127.0.0.1, pinned to its core, and stops it again."""

import collections
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from suite import machine

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
RUNNING = re.compile(r"running on http://127\.0\.0\.1:(\d+)")
HELLO = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}

COMMANDS: dict[str, list[str]] = {
    "fasterapi_asgi": ["-m", "fasterapi_asgi"],
    "guest-of-asyncio": ["-m", "fasterapi_asgi", "--loop", "asyncio"],
    "guest-of-uvloop": ["-m", "fasterapi_asgi", "--loop", "uvloop"],
    "uvicorn": ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools"],
    "uvicorn-h11": ["-m", "uvicorn", "--loop", "asyncio", "--http", "h11"],
}


class ServerFailed(Exception):
    """A server did not come up; the text holds the end of what it wrote."""


class Server:
    """One running server process. Use as a context manager; `port` and `pid` are set inside.

    Args:
        kind: a key of COMMANDS.
        app: attribute of benchmarks/apps.py.
        options: more command-line options for the server.
        access_log: log to a temporary file instead of switching the access log off.
        prefix: a command to run the interpreter under, such as valgrind.
        patience: seconds to wait for the server to come up.
    """

    def __init__(
        self,
        kind: str,
        app: str = "raw",
        *,
        options: tuple[str, ...] = (),
        access_log: bool = False,
        prefix: tuple[str, ...] = (),
        patience: float = 30.0,
    ) -> None:
        """Only put the command together; entering starts it."""
        log = [] if access_log else ["--no-access-log"]
        where = ["--app-dir", str(BENCHMARKS), "--host", "127.0.0.1", "--port", "0"]
        command = [sys.executable, *COMMANDS[kind], *where, *log, *options, f"apps:{app}"]
        self.command = [*prefix, *command]
        self.kind = kind
        self.port = 0
        self.pid = 0
        self._access_log = access_log
        self._patience = patience
        self._lines: collections.deque[str] = collections.deque(maxlen=40)
        self._ready = threading.Event()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Server":
        """Start the process and wait for its port.

        Raises:
            ServerFailed: it ended, or said nothing in time.
        """
        stdout: Any = subprocess.DEVNULL
        if self._access_log:
            stdout = self._stack.enter_context(tempfile.TemporaryFile())
        with machine.pinned(machine.SERVER_CORE):
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=ENVIRONMENT,
            )
        self.pid = self._process.pid
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._drain, args=(self._process.stderr,))
        self._reader.start()
        self._ready.wait(self._patience)
        if self.port == 0:
            self.stop()
            raise ServerFailed(f"{self.kind} did not start:\n" + "".join(self._lines))
        if os.sched_getaffinity(self.pid) != {machine.SERVER_CORE}:
            self.stop()
            raise ServerFailed(f"{self.kind} does not run on core {machine.SERVER_CORE}")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process."""
        self.stop()

    def _drain(self, stderr: IO[str]) -> None:
        """Read stderr to its end: the pipe must never fill, and the port is in there."""
        for line in stderr:
            self._lines.append(line)
            found = RUNNING.search(line)
            if found and not self.port:
                self.port = int(found[1])
                self._ready.set()
        self._ready.set()

    def stop(self) -> None:
        """Ask this process to end; kill it, and only it, if it has not after its patience."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._stack.close()

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server's process tree in seconds."""
        return machine.cpu_seconds(self.pid)

    def rss_bytes(self) -> int:
        """Return the resident memory of the server's process tree in bytes."""
        return machine.rss_bytes(self.pid)

    def connect(self) -> socket.socket:
        """Open a connection to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


def ask_hello(connection: socket.socket) -> None:
    """Send one request for raw hello and read its whole answer.

    Raises:
        ConnectionError: the server closed instead.
    """
    connection.sendall(HELLO)
    answer = b""
    while not answer.endswith(b"Hello, world!"):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError(f"closed after {answer!r}")
        answer += piece


def seconds_to_first_answer(kind: str) -> float:
    """Return the seconds from starting the process to the first answered request."""
    begin = time.perf_counter()
    with Server(kind) as server, server.connect() as connection:
        ask_hello(connection)
        return time.perf_counter() - begin
