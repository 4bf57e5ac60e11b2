"""Clients and servers of others at work on our loop, against real services where they need one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import foreign
import pytest

CLIENTS = Path(__file__).with_name("clients")
NEEDS = {"asyncpg": "postgres", "redis": "redis"}  # the service, a fixture below
NAMES = sorted(path.stem.removeprefix("use_") for path in CLIENTS.glob("use_*.py"))
BROKEN = ("TimersFireAtOnce", "RefusesCallSoon")

pytestmark = pytest.mark.timeout(180)


def service(name: str) -> Iterator[str]:
    services = pytest.importorskip("services", reason="trustme is not installed")
    start: AbstractContextManager[str] = getattr(services, name)()
    try:
        address = start.__enter__()
    except services.Unavailable as missing:
        pytest.skip(str(missing))
    try:
        yield address
    finally:
        start.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    yield from service("postgres")


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    yield from service("redis")


@pytest.fixture
def arguments(client: str, request: pytest.FixtureRequest) -> list[str]:
    """What the program wants to know beside the loop: where its service is."""
    if client not in NEEDS:
        pytest.importorskip({"httpx": "httpx2", "pipeline": "asyncio"}.get(client, client))
        return []
    pytest.importorskip(client)
    return [request.getfixturevalue(NEEDS[client])]


def use(client: str, loop: str, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    environment["PYTHONPATH"] = str(foreign.HERE / "child")
    program = CLIENTS / f"use_{client}.py"
    return subprocess.run(
        [sys.executable, str(program), loop, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("client", NAMES)
def test_a_client_works_and_leaves_nothing_behind(client: str, arguments: list[str]) -> None:
    done = use(client, foreign.OURS, arguments)
    assert done.returncode == 0, done.stdout
    assert "on fasterapi_asgi.loops.EventLoop" in done.stdout


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("client", NAMES)
def test_a_client_fails_on_a_broken_loop(client: str, arguments: list[str], broken: str) -> None:
    """Else the test above would say nothing about the loop."""
    assert use(client, f"broken_loops:{broken}", arguments).returncode != 0
