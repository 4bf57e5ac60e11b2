"""The recipes of docs/how-to/event-loop.md work: each section's files are written down and run."""

import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loop_runner import DEADLINE, environment

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/event-loop.md"
SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall(PAGE.read_text()))
OURS = "fasterapi_asgi.loops"


def files_of(title: str, folder: Path) -> list[str]:
    """Write the section's files down."""
    files = FILE.findall(SECTIONS[title])
    for name, text in files:
        (folder / name).write_text(text)
    return [name for name, _ in files]


def sections_with(name: str) -> list[str]:
    return [title for title, text in SECTIONS.items() if f"```python\n# {name}\n" in text]


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE * 2,
    )


def test_every_block_of_the_page_is_run_by_a_test() -> None:
    run_here = {"program.py", "conftest.py", "test_it.py"}
    assert {name for name, _ in FILE.findall(PAGE.read_text())} == run_here
    assert PAGE.read_text().count("\n```python\n") == len(FILE.findall(PAGE.read_text()))
    assert len(COMMAND.findall(PAGE.read_text())) == 1


@pytest.mark.parametrize("title", sections_with("program.py"))
def test_programs(title: str, tmp_path: Path) -> None:
    files_of(title, tmp_path)
    ended = run(tmp_path, "-W", "ignore::DeprecationWarning", "program.py")
    assert (ended.returncode, ended.stdout) == (0, f"{OURS}\n"), ended.stdout


@pytest.mark.parametrize("title", sections_with("test_it.py"))
def test_pytest_plugins(title: str, tmp_path: Path) -> None:
    assert {"conftest.py", "test_it.py"} <= set(files_of(title, tmp_path))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # no file above it is asked
    ended = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore")
    assert ended.returncode == 0 and "1 passed" in ended.stdout, ended.stdout


@contextmanager
def started(folder: Path, *command: str) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_uvicorn_runs_on_the_loop(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        """
import asyncio
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await asyncio.sleep(0.001)
    body = type(asyncio.get_running_loop()).__module__.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""
    )
    (command,) = COMMAND.findall(SECTIONS["Under uvicorn"])
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with started(tmp_path, *shlex.split(command), "--port", str(port)) as server:
        assert server.stderr is not None
        while "Uvicorn running" not in (line := server.stderr.readline()):
            assert line, "uvicorn ended"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=DEADLINE) as response:
            assert response.read().decode() == OURS
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=DEADLINE)
    assert "Finished server process" in said
