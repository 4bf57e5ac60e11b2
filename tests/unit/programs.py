"""uvicorn and fasterapi_asgi as programs, started alike so that they can be compared."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasterapi_asgi

DEADLINE = 60  # seconds
RUNNING = re.compile(r"Uvicorn running on .*?(?::(?P<port>\d+))? \(Press CTRL\+C to quit\)")
FLAGS = {"uvicorn": ["--loop", "asyncio"], "fasterapi_asgi": []}
APPLICATIONS = """
import asyncio
import logging

async def lifespan(receive, send):
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b"done"})

def leave(how):
    raise {"exit": SystemExit(7), "interrupt": KeyboardInterrupt()}[how]

async def leaves(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    _, where, how = scope["path"].split("/")
    if where == "request":
        leave(how)
    async def task():
        leave(how)
    loop = asyncio.get_running_loop()
    scope["kept"] = loop.create_task(task()) if where == "task" else loop.call_soon(leave, how)
    await asyncio.sleep(60)

async def fails(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

async def answers(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    *_, task, argument = scope["path"].split("/")
    if task == "hide":
        logging.getLogger("uvicorn.access").addFilter(lambda record: argument not in record.args[2])
    body = repr((scope["client"], scope["scheme"])).encode()
    status = int(argument) if task == "status" else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body if status == 200 else b""})

def wants_arguments(argument):
    return app

def raises():
    raise ValueError("boom")

def factory():
    return app
"""
FILES = {
    "good.py": APPLICATIONS,
    "imports_nothing_real.py": "import no_such_module_at_all",
    "raises.py": "raise ValueError('boom')",
    "no_python.py": "def x(:",
    "bad.ini": "nonsense",
    "bad.json": "{",
}


@dataclass
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """What was said, without tracebacks and the names that must differ."""
        text = re.sub(r"\[\d+\]", "[PID]", self.stderr)
        text = text.replace("python -m fasterapi_asgi", "PROGRAM").replace(
            "python -m uvicorn", "PROGRAM"
        )
        dropped = ("  ", "Traceback", "During handling", "RuntimeWarning")
        return [
            line
            for line in text.splitlines()
            if line and not line.startswith(dropped) and ": RuntimeWarning: " not in line
        ]

    @property
    def has_traceback(self) -> bool:
        return "Traceback" in self.stderr


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text)


def start(program: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
    prefixes = ("UVICORN_", "FASTERAPI_ASGI_", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(prefixes)}
    environment["PYTHONPATH"] = str(Path(fasterapi_asgi.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-m", program, *FLAGS[program], *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], said: str = "") -> Ended:
    try:
        stdout, stderr = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    return Ended(process.returncode, stdout, said + stderr)


def run_both(*arguments: str, folder: Path) -> tuple[Ended, Ended]:
    """Run both at once and return (ours, uvicorn's)."""
    write_files(folder)
    ours = start("fasterapi_asgi", *arguments, folder=folder)
    theirs = start("uvicorn", *arguments, folder=folder)
    return finish(ours), finish(theirs)


class Running:
    """A server that has said where it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.process = process
        self.said = ""
        for line in process.stderr:
            self.said += line
            if found := RUNNING.search(re.sub(r"\x1b\[\d+m", "", line)):
                self.port = int(found["port"] or 0)
                return
        raise AssertionError(f"it ended with {process.wait()}: {self.said}")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def wait_for_line(self, text: str) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if text in line:
                return
        raise AssertionError(f"{text!r} is not in {self.said!r}")

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self) -> Ended:
        return finish(self.process, self.said)


@contextmanager
def running(program: str, *arguments: str, folder: Path) -> Iterator[Running]:
    """Start a server and end it if the test has not."""
    write_files(folder)
    process = start(program, *arguments, folder=folder)
    try:
        yield Running(process)
    finally:
        process.kill()
        process.communicate()
