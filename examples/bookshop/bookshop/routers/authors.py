"""The authors."""

from fastapi import APIRouter, status
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bookshop.dependencies import AuthorDep, PageDep, SessionDep
from bookshop.errors import Conflict
from bookshop.models import Author
from bookshop.schemas import AuthorCreate, AuthorRead, Problem

router = APIRouter(prefix="/authors", tags=["authors"])


@router.get("", response_model=list[AuthorRead])
async def list_authors(session: SessionDep, page: PageDep) -> list[Author]:
    """Authors by name."""
    query = select(Author).order_by(Author.name).limit(page.limit).offset(page.offset)
    return list(await session.scalars(query))


@router.post(
    "",
    response_model=AuthorRead,
    status_code=status.HTTP_201_CREATED,
    responses={409: {"model": Problem}},
)
async def add_author(author: AuthorCreate, session: SessionDep) -> Author:
    """Adds an author; a name can be taken once."""
    row = Author(**author.model_dump())
    session.add(row)
    try:
        await session.flush()  # here and not at the commit, to know which statement failed
    except IntegrityError as exc:
        raise Conflict(f"there is already an author called {author.name}") from exc
    return row


@router.get("/{author_id}", response_model=AuthorRead, responses={404: {"model": Problem}})
async def show_author(author: AuthorDep) -> Author:
    """One author."""
    return author


@router.delete(
    "/{author_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={404: {"model": Problem}, 409: {"model": Problem}},
)
async def remove_author(author: AuthorDep, session: SessionDep) -> None:
    """Removes an author who has no books here."""
    name = author.name  # after a failed flush the object can no longer be read
    await session.delete(author)
    try:
        await session.flush()
    except IntegrityError as exc:
        raise Conflict(f"{name} still has books in the shop") from exc
