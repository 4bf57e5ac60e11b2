"""fasterapi_asgi._state: ``Server.server_state``, uvicorn's counters."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fasterapi_asgi._core import HttpServer
    from fasterapi_asgi.config import Config


class ServerState:
    """What a server is doing now. Everything is looked up when it is asked for."""

    def __init__(self) -> None:
        self._core: HttpServer | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._date_header = False
        self._earlier_requests = 0

    def attach(self, core: HttpServer, config: Config) -> None:
        """Show this server from now on."""
        self._core = core
        self._headers = config.encoded_headers
        self._date_header = config.date_header

    def detach(self) -> None:
        """Let go of the server and keep its number of responses."""
        if self._core is not None:
            self._earlier_requests += self._core.total_requests
            self._core = None

    @property
    def total_requests(self) -> int:
        """Responses completed since the start."""
        return self._earlier_requests + (self._core.total_requests if self._core is not None else 0)

    @property
    def connections(self) -> Collection[int]:
        """The open connections, to be counted; each is shown as a number."""
        return range(self._core.connections if self._core is not None else 0)

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The tasks of the requests that are unfinished."""
        return self._core.tasks if self._core is not None else set()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """What every response starts with, ``[(name, value)]``, names lower-case; a new list."""
        if not self._date_header:
            return list(self._headers)
        from email.utils import formatdate

        return [(b"date", formatdate(usegmt=True).encode()), *self._headers]
