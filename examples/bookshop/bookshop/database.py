"""The engine and its sessions, made once per process by the lifespan."""

from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.schema import CreateTable

from bookshop.models import Base

LOCK_WAIT_SECONDS = 30


class Database:
    """Owns the connection pool; close() gives every connection back."""

    def __init__(self, url: str) -> None:
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        # SQLite lets one connection write at a time: the others wait this long instead of failing.
        options = {"timeout": LOCK_WAIT_SECONDS} if self._sqlite else {}
        self._engine = create_async_engine(url, connect_args=options)
        # Objects stay readable after the commit: responses are made from them.
        self.sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        if self._sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    async def create_tables(self) -> None:
        """Creates what is missing; safe when several workers start at the same moment."""
        async with self._engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                await connection.execute(CreateTable(table, if_not_exists=True))

    async def close(self) -> None:
        """Closes all pooled connections."""
        await self._engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """SQLite checks foreign keys only when each connection asks for it."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
