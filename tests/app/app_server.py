"""A real server process for the tests: started on a free port, read from, and always ended."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

import httpx2

START_SECONDS = 30.0
STOP_SECONDS = 15.0
EVENT_SECONDS = 10.0

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUNNING = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:(\d+))")

Value = TypeVar("Value")


class Output:
    """The lines that a process writes to one of its streams, collected by a thread."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._collect, args=(stream,), daemon=True)
        self._reader.start()

    @property
    def position(self) -> int:
        """How many lines there are; hand it to `text` or `wait_for` to look at later ones only."""
        with self._changed:
            return len(self._lines)

    def text(self, since: int = 0) -> str:
        """All lines from `since` on."""
        with self._changed:
            return "".join(self._lines[since:])

    def wait_for(
        self, pattern: str | re.Pattern[str], since: int = 0, seconds: float = EVENT_SECONDS
    ) -> re.Match[str]:
        """Returns the first match in the lines from `since` on; fails at the deadline."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for line in self._lines[since:]:
                    if match := re.search(pattern, line):
                        return match
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    state = "the stream ended" if self._ended else f"{seconds} s passed"
                    written = "".join(self._lines[since:])
                    raise AssertionError(f"{state} without {pattern!r} in:\n{written}")
                self._changed.wait(left)

    def wait_for_end(self, seconds: float = EVENT_SECONDS) -> str:
        """Waits until the process has closed the stream; returns all of it."""
        self._reader.join(seconds)
        assert not self._reader.is_alive(), "the stream is still open"
        return self.text()

    def _collect(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class ServerProcess:
    """`python -m SERVER TARGET --port 0`, ended by its own pid and no other."""

    def __init__(
        self,
        server: str,
        target: str,
        *arguments: str,
        cwd: Path,
        environ: dict[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", *server.split(), target, "--host", "127.0.0.1"]
        command += ["--port", "0"]
        self._process = subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=_environment(server.partition(" ")[0], environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert self._process.stdout and self._process.stderr
        self.stdout = Output(self._process.stdout)
        self.stderr = Output(self._process.stderr)
        self.url = ""
        self.port = 0

    def wait_until_running(self) -> None:
        """Waits for the line that says where the server listens."""
        running = self.stderr.wait_for(RUNNING, seconds=START_SECONDS)
        self.url, self.port = running[1], int(running[2])

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to this process only."""
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Waits for the end; returns the exit status, negative for a signal."""
        return self._process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks the server to stop and waits; returns the exit status."""
        self.send_signal(number)
        return self.wait()

    def end(self) -> None:
        """Leaves nothing behind, whatever happened: SIGTERM, and SIGKILL after the deadline."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.stdout.wait_for_end()
        self.stderr.wait_for_end()


def _environment(server: str, more: dict[str, str]) -> dict[str, str]:
    """This process's environment, with the server found where this process would find it."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("BOOKSHOP_")}
    spec = importlib.util.find_spec(server)
    if spec is not None and spec.origin:
        paths = [str(Path(spec.origin).parents[1]), environ.get("PYTHONPATH", "")]
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environ | more


@contextmanager
def bookshop_server(
    server: str,
    folder: Path,
    *arguments: str,
    environ: dict[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """The bookshop served from somewhere else, as `--app-dir examples/bookshop main:app`."""
    arguments = ("--app-dir", str(EXAMPLES / "bookshop"), *arguments)
    process = ServerProcess(server, "main:app", *arguments, cwd=folder, environ=environ)
    try:
        process.wait_until_running()
        yield process
    finally:
        process.end()


def eventually(
    read: Callable[[], Value],
    accepted: Callable[[Value], bool],
    seconds: float = EVENT_SECONDS,
) -> Value:
    """Reads again and again until the value is accepted; fails at the deadline.

    The reads are requests to the server: each waits for its answer, so nothing spins.
    """
    deadline = time.monotonic() + seconds
    while not accepted(value := read()):
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
    return value


def event_names(lines: Iterator[str], count: int) -> Sequence[str]:
    """Reads the names of the next `count` server-sent events; fails at the deadline.

    A silent stream ends by the client's read timeout, which must be below the 15 seconds after
    which the server sends a comment.
    """
    deadline = time.monotonic() + EVENT_SECONDS
    names: list[str] = []
    while len(names) < count:
        line = next(lines)
        assert time.monotonic() < deadline, f"only {names} after {EVENT_SECONDS} s"
        if line.startswith("event: "):
            names.append(line.removeprefix("event: "))
    return names


def open_streams(client: httpx2.Client) -> int:
    """How many event streams the server has open."""
    return client.get("/events/open").raise_for_status().json()["open_streams"]
