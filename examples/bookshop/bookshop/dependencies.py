"""What the endpoints ask for in their signatures."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from fastapi import Path as PathParameter
from sqlalchemy.ext.asyncio import AsyncSession

from bookshop.broker import EventBroker
from bookshop.database import Database
from bookshop.errors import NotFound
from bookshop.models import Author, Base, Book, Order, StoredFile

Row = TypeVar("Row", bound=Base)
IdInPath = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]


def get_database(request: Request) -> Database:
    """The database that the lifespan opened."""
    database: Database = request.state.database
    return database


def get_broker(request: Request) -> EventBroker:
    """The broker of this process."""
    broker: EventBroker = request.state.broker
    return broker


def get_files_folder(request: Request) -> Path:
    """The folder of the uploads."""
    folder: Path = request.state.files_folder
    return folder


DatabaseDep = Annotated[Database, Depends(get_database)]
BrokerDep = Annotated[EventBroker, Depends(get_broker)]
FilesFolderDep = Annotated[Path, Depends(get_files_folder)]


async def get_session(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    """One transaction per request: committed when the endpoint returns, undone when it raises."""
    async with database.sessions.begin() as session:
        yield session


# scope="function" ends the dependency before the response is sent. With the default, the client
# could hold the answer, and ask again, before the commit; and a failing commit would be a 200.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: Annotated[int, Query(ge=1, le=100, description="at most so many")] = 20
    offset: Annotated[int, Query(ge=0, le=2**31, description="skip so many")] = 0


PageDep = Annotated[Page, Depends()]


async def existing_author(author_id: IdInPath, session: SessionDep) -> Author:
    """The author named in the path, or 404."""
    return await find(session, Author, author_id)


async def existing_book(book_id: IdInPath, session: SessionDep) -> Book:
    """The book named in the path, or 404."""
    return await find(session, Book, book_id)


async def existing_order(order_id: IdInPath, session: SessionDep) -> Order:
    """The order named in the path, or 404."""
    return await find(session, Order, order_id)


async def existing_file(file_id: str, session: SessionDep) -> StoredFile:
    """The file named in the path, or 404."""
    return await find(session, StoredFile, file_id)


async def find(session: AsyncSession, table: type[Row], key: int | str) -> Row:
    """Returns the row with this key; raises NotFound."""
    row = await session.get(table, key)
    if row is None:
        raise NotFound(f"no {table.__name__.lower()} has the id {key}")
    return row


AuthorDep = Annotated[Author, Depends(existing_author)]
BookDep = Annotated[Book, Depends(existing_book)]
OrderDep = Annotated[Order, Depends(existing_order)]
FileDep = Annotated[StoredFile, Depends(existing_file)]
