"""The tables. Money is kept in cents: integers do not round."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The declarative base that all tables share."""


class Author(Base):
    """Somebody who wrote a book."""

    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    biography: Mapped[str] = mapped_column(default="")


class Book(Base):
    """A title on the shelf."""

    __tablename__ = "books"
    __table_args__ = (CheckConstraint("stock >= 0"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    isbn: Mapped[str] = mapped_column(String(13), unique=True)
    price_cents: Mapped[int]
    cost_cents: Mapped[int]  # what the shop paid: never leaves the server, see schemas.BookRead
    stock: Mapped[int] = mapped_column(default=0)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    # Loaded with the book: an async session cannot load it later, on attribute access.
    author: Mapped[Author] = relationship(lazy="joined", innerjoin=True)


class OrderStatus(StrEnum):
    """An order is received at once and confirmed by a background task."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"


def _now() -> datetime:
    return datetime.now(UTC)


class Order(Base):
    """What a customer wants to buy."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20), default=OrderStatus.RECEIVED)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)
    lines: Mapped[list["OrderLine"]] = relationship(lazy="selectin")


class OrderLine(Base):
    """One title of an order, at the price of that day."""

    __tablename__ = "order_lines"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]


class StoredFile(Base):
    """An uploaded file; its bytes lie in the files folder under its id."""

    __tablename__ = "files"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
