"""The books."""

from typing import Annotated

from fastapi import APIRouter, Query, status
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bookshop.dependencies import BookDep, PageDep, SessionDep, find
from bookshop.errors import Conflict
from bookshop.models import Author, Book
from bookshop.schemas import BookCreate, BookPage, BookRead, BookUpdate, Cents, Problem

router = APIRouter(prefix="/books", tags=["books"])


@router.get("", response_model=BookPage)
async def search_books(
    session: SessionDep,
    page: PageDep,
    title: Annotated[str, Query(max_length=200, description="a part of the title")] = "",
    max_price_cents: Annotated[Cents | None, Query()] = None,
) -> dict[str, object]:
    """Books by title, narrowed by part of the title and by price."""
    query = select(Book).where(Book.title.icontains(title, autoescape=True))
    if max_price_cents is not None:
        query = query.where(Book.price_cents <= max_price_cents)
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    rows = await session.scalars(
        query.order_by(Book.title, Book.id).limit(page.limit).offset(page.offset)
    )
    return {"total": total, "items": list(rows)}


@router.post(
    "",
    response_model=BookRead,
    status_code=status.HTTP_201_CREATED,
    responses={404: {"model": Problem}, 409: {"model": Problem}},
)
async def add_book(book: BookCreate, session: SessionDep) -> Book:
    """Adds a book by a known author."""
    return await _insert(session, book)


@router.post(
    "/import",
    response_model=list[BookRead],
    status_code=status.HTTP_201_CREATED,
    responses={404: {"model": Problem}, 409: {"model": Problem}},
)
async def import_books(books: list[BookCreate], session: SessionDep) -> list[Book]:
    """Adds all of the books or, if one of them is refused, none."""
    return [await _insert(session, book) for book in books]


@router.get("/{book_id}", response_model=BookRead, responses={404: {"model": Problem}})
async def show_book(book: BookDep) -> Book:
    """One book."""
    return book


@router.patch("/{book_id}", response_model=BookRead, responses={404: {"model": Problem}})
async def change_book(book: BookDep, change: BookUpdate) -> Book:
    """Changes the given fields; `book` belongs to the request's session, which saves it."""
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(book, name, value)
    return book


@router.delete(
    "/{book_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={404: {"model": Problem}, 409: {"model": Problem}},
)
async def remove_book(book: BookDep, session: SessionDep) -> None:
    """Removes a book that nobody has ordered."""
    title = book.title  # after a failed flush the object can no longer be read
    await session.delete(book)
    try:
        await session.flush()
    except IntegrityError as exc:
        raise Conflict(f"{title} is part of an order") from exc


async def _insert(session: AsyncSession, book: BookCreate) -> Book:
    row = Book(**book.model_dump(), author=await find(session, Author, book.author_id))
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as exc:
        raise Conflict(f"there is already a book with the ISBN {book.isbn}") from exc
    return row
