"""A server process under test: started on a free port, observed from outside, ended by its pid."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

HERE = Path(__file__).parent
LOOPS = ("auto", "asyncio", "uvloop")  # of --loop: our own, and those on which we are a guest
DEADLINE = 20.0  # seconds, for everything that a test waits for
RUNNING = re.compile(r"Uvicorn running on (?:http://127\.0\.0\.1:(\d+) |socket )")
# A sanitized server is measured, too: what it has freed must not stay resident.
ASAN_OPTIONS = f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=4"
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:")


def loop_of(request: pytest.FixtureRequest) -> str:
    """The loop that a fixture is to use."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed: no wheel for this Python")
    return str(request.param)


class Log:
    """What a process writes to stderr, collected by a thread."""

    def __init__(self, stream: IO[str]) -> None:
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._collect, args=(stream,), daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """Where the log ends now; hand it to `text` to see only what is written later."""
        return len(self._text)

    def text(self, since: int = 0) -> str:
        return self._text[since:]

    def wait_for(self, pattern: str | re.Pattern[str], since: int = 0) -> re.Match[str]:
        """Return the first match behind `since`; fail at the deadline."""
        deadline = time.monotonic() + DEADLINE
        with self._changed:
            while not (match := re.compile(pattern).search(self._text, since)):
                left = deadline - time.monotonic()
                assert left > 0, f"no {pattern!r} within {DEADLINE} s in:\n{self._text}"
                assert not self._ended, f"the log ended without {pattern!r}:\n{self._text}"
                self._changed.wait(left)
        return match

    def wait_for_end(self) -> str:
        self._thread.join(DEADLINE)
        return self._text

    def _collect(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._text += line
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class WireServer:
    """`python -m PROGRAM TARGET --port 0` with the applications of this folder."""

    def __init__(
        self,
        target: str,
        *arguments: str,
        program: str = "fasterapi_asgi",
        loop: str = "auto",
        most_files: int | None = None,
        listener: socket.socket | None = None,
        announced: re.Pattern[str] = RUNNING,
    ) -> None:
        self.program = program
        self.loop = loop
        arguments = ("--loop", loop, *arguments)
        limited = [] if most_files is None else ["prlimit", f"--nofile={most_files}"]
        files = [listener.fileno()] if listener else []
        place = ["--fd", str(files[0])] if files else ["--port", "0"]
        command = [*limited, sys.executable, "-m", program, target, "--app-dir", str(HERE), *place]
        self._process = subprocess.Popen(
            [*command, "--no-use-colors", *arguments],
            pass_fds=files,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | {"ASAN_OPTIONS": ASAN_OPTIONS},
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert self._process.stderr
        self.log = Log(self._process.stderr)
        running = self.log.wait_for(announced)
        self.port = listener.getsockname()[1] if listener else int(running[1])

    def stop(self) -> str:
        """End the process as a supervisor would; return its whole log."""
        self.send_signal(signal.SIGTERM)
        return self.wait_for_exit(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_for_exit(self, number: signal.Signals) -> str:
        """Wait for the process that this signal has ended; return its whole log."""
        try:
            status = self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        log = self.log.wait_for_end()
        # uvicorn hands the signal on to itself when it has cleaned up.
        assert status in {0, -number}, f"exit status {status}\n{log}"
        assert not SANITIZER.search(log), log
        return log

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The process sees only behind this what happens within."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    @property
    def resident_bytes(self) -> int:
        return self._memory("VmRSS")

    @property
    def peak_resident_bytes(self) -> int:
        """The most that was resident since `forget_peak`."""
        return self._memory("VmHWM")

    @property
    def cpu_seconds(self) -> float:
        """What it has used of the processor, itself and in the kernel."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def _memory(self, field: str) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024
