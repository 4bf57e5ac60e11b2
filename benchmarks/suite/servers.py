"""Starts a server on an ephemeral port of 127.0.0.1, pinned to its core, and stops it again."""

import collections
import contextlib
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from suite import kinds, machine
from suite.kinds import KINDS, ROOT, Order

RUNNING = re.compile(r"(?:running|listening) on http://127\.0\.0\.1:(\d+)", re.IGNORECASE)
HELLO = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}


class ServerFailed(Exception):
    """A server did not come up; the text holds the end of what it wrote."""


class Server:
    """One running server. Use as a context manager; `port` and `pid` are set inside.

    Args:
        kind: a key of KINDS.
        app: attribute of benchmarks/apps.py.
        answer: what a server without an application answers.
        options: more command-line options for a server that takes uvicorn's.
        access_log: log to a temporary file instead of switching the access log off.
        prefix: a command to run the server under, such as valgrind.
        patience: seconds to wait for the server to come up.
    """

    def __init__(
        self,
        kind: str,
        app: str = "raw",
        *,
        answer: kinds.Constant = kinds.HELLO,
        options: tuple[str, ...] = (),
        access_log: bool = False,
        prefix: tuple[str, ...] = (),
        patience: float = 30.0,
    ) -> None:
        """Only note what is wanted; entering starts it."""
        self.kind = kind
        self.port = 0
        self.pid = 0
        self.behind = Server(KINDS[kind].behind, app) if KINDS[kind].behind else None
        self._wanted = (app, answer, options, access_log)
        self._prefix = prefix
        self._patience = patience
        self._lines: collections.deque[str] = collections.deque(maxlen=40)
        self._ready = threading.Event()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Server":
        """Start the process and wait for its port.

        Raises:
            ServerFailed: it ended, or said nothing in time.
        """
        with contextlib.ExitStack() as started:  # what there is already, if it does not come up
            self._stack = started
            self._start()
            self._stack = started.pop_all()
        return self

    def _start(self) -> None:
        app, answer, options, access_log = self._wanted
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        behind = self._stack.enter_context(self.behind).port if self.behind else 0
        port = 0 if KINDS[self.kind].tells_port else _free_port()
        order = Order(app, answer, port, behind, folder, options, access_log)
        stdout: Any = subprocess.DEVNULL
        if access_log:
            stdout = self._stack.enter_context((folder / "access.log").open("wb"))
        with machine.pinned(machine.SERVER_CORE):
            self._process = subprocess.Popen(
                [*self._prefix, *KINDS[self.kind].command(order)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=ENVIRONMENT,
            )
        self.pid = self._process.pid
        self._stack.callback(self._end)
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._drain, args=(self._process.stderr,))
        self._reader.start()
        self._wait_for_port(port)
        if self.port == 0:
            self.stop()
            raise ServerFailed(f"{self.kind} did not start:\n" + "".join(self._lines))
        if os.sched_getaffinity(self.pid) != {machine.SERVER_CORE}:
            raise ServerFailed(f"{self.kind} does not run on core {machine.SERVER_CORE}")

    def _wait_for_port(self, port: int) -> None:
        """Wait until the server has told its port, or accepts on the one it was given."""
        if port == 0:
            self._ready.wait(self._patience)
            return
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                self.port = port
                return
            time.sleep(0.01)

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
        """End what was started, the server first."""
        self._stack.close()

    def _end(self) -> None:
        """Ask this process to end; kill it, and only it, if it has not after its patience."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _pids(self) -> list[int]:
        return [self.pid, *(self.behind._pids() if self.behind else [])]

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server's process tree, and of the one behind, in seconds."""
        return sum(machine.cpu_seconds(pid) for pid in self._pids())

    def user_and_kernel_seconds(self) -> tuple[float, float]:
        """Return the same as user and system time, in ticks of 10 ms."""
        both = [machine.user_and_kernel_seconds(pid) for pid in self._pids()]
        return sum(user for user, _ in both), sum(kernel for _, kernel in both)

    def waited_seconds(self) -> float:
        """Return how long their threads were ready but had no core."""
        return sum(machine.waited_seconds(pid) for pid in self._pids())

    def rss_bytes(self) -> int:
        """Return the resident memory of the same processes in bytes."""
        return sum(machine.rss_bytes(pid) for pid in self._pids())

    def connect(self) -> socket.socket:
        """Open a connection to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


def _free_port() -> int:
    """Return a port that nobody listens on now; for servers that cannot tell which they chose."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


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
