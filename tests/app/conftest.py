"""The same applications and the same expectations, on uvicorn and on fasterapi_asgi.

`FASTERAPI_TEST_SERVERS=uvicorn` limits the run to the servers named. As a guest on a loop that is
not ours: `FASTERAPI_TEST_SERVERS="fasterapi_asgi --loop asyncio,fasterapi_asgi --loop uvloop"`.
"""

import os
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from app_server import ServerProcess, bookshop_server

SERVERS = ("uvicorn", "fasterapi_asgi")
CLIENT_SECONDS = 10.0


def chosen_servers() -> list[str]:
    """The servers to run on; a name that is not one of them is a mistake, not an empty run."""
    chosen = [name for name in os.environ.get("FASTERAPI_TEST_SERVERS", "").split(",") if name]
    if unknown := {name.partition(" ")[0] for name in chosen} - set(SERVERS):
        raise pytest.UsageError(f"FASTERAPI_TEST_SERVERS names unknown servers: {sorted(unknown)}")
    return chosen or list(SERVERS)


@pytest.fixture(scope="session", params=chosen_servers())
def server_name(request: pytest.FixtureRequest) -> str:
    """The module that `python -m` runs, with its first arguments."""
    return request.param


@pytest.fixture(scope="session")
def bookshop(server_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One bookshop for all tests of a server; its log must hold no failure."""
    folder = tmp_path_factory.mktemp(server_name.replace(" ", ""))
    with bookshop_server(server_name, folder) as process:
        yield process
        process.stop()
        log = process.stderr.wait_for_end()
    assert "Traceback (most recent call last)" not in log, log
    assert "never awaited" not in log and "was never retrieved" not in log, log


@pytest.fixture
def client(bookshop: ServerProcess) -> Iterator[httpx2.Client]:
    """A client of the shared bookshop."""
    with httpx2.Client(base_url=bookshop.url, timeout=CLIENT_SECONDS) as http_client:
        yield http_client


@pytest.fixture
def start_bookshop(server_name: str, tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts bookshops of a test's own; arguments are the server's, keywords the environment."""
    with ExitStack() as stack:

        def start(*arguments: str, **environ: str) -> ServerProcess:
            server = bookshop_server(server_name, tmp_path, *arguments, environ=environ)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def new_author(client: httpx2.Client) -> Callable[[], dict[str, Any]]:
    """Adds an author with a name of their own."""

    def add() -> dict[str, Any]:
        reply = client.post("/authors", json={"name": f"Author {uuid.uuid4()}"})
        assert reply.status_code == 201, reply.text
        return reply.json()

    return add


@pytest.fixture
def new_book(
    client: httpx2.Client, new_author: Callable[[], dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    """Adds a book with an ISBN of its own."""

    def add(**fields: Any) -> dict[str, Any]:
        reply = client.post("/books", json=book_fields(new_author()["id"], **fields))
        assert reply.status_code == 201, reply.text
        return reply.json()

    return add


def book_fields(author_id: int, /, **fields: Any) -> dict[str, Any]:
    """The body of a valid `POST /books`."""
    return {
        "title": "A Book",
        "isbn": f"{random.randrange(10**13):013d}",
        "price_cents": 1000,
        "cost_cents": 400,
        "stock": 10,
        "author_id": author_id,
    } | fields


@pytest.fixture
def valid_book() -> Callable[..., dict[str, Any]]:
    """Makes the body of a valid `POST /books`."""
    return book_fields
