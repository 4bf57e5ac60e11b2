"""What comes in and what goes out: the shapes of requests and responses."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bookshop.models import OrderStatus

Name = Annotated[str, Field(min_length=1, max_length=200)]
Isbn = Annotated[str, Field(pattern=r"^\d{13}$", examples=["9780141439600"])]
Cents = Annotated[int, Field(ge=0, le=1_000_000)]
Stock = Annotated[int, Field(ge=0, le=100_000)]
Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]  # as far as a database integer goes


def _in_utc(moment: datetime) -> datetime:
    """SQLite forgets the time zone of what it stores, and the shop stores UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


UtcDateTime = Annotated[datetime, AfterValidator(_in_utc)]


class Incoming(BaseModel):
    """Base of request bodies: an unknown field is a mistake worth reporting."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Outgoing(BaseModel):
    """Base of response bodies: read from database objects, only the fields named here."""

    model_config = ConfigDict(from_attributes=True)


class AuthorCreate(Incoming):
    """A new author."""

    name: Name
    biography: Annotated[str, Field(max_length=10_000)] = ""


class AuthorRead(Outgoing):
    """An author as everybody may see them."""

    id: int
    name: str
    biography: str


class BookCreate(Incoming):
    """A new book by an author that the shop knows."""

    title: Name
    isbn: Isbn
    price_cents: Cents
    cost_cents: Cents
    stock: Stock = 0
    author_id: Identifier


class BookUpdate(Incoming):
    """The fields of a book that may change; those left out stay as they are."""

    title: Name | None = None
    price_cents: Cents | None = None
    stock: Stock | None = None


class BookRead(Outgoing):
    """A book as everybody may see it: without `cost_cents`."""

    id: int
    title: str
    isbn: str
    price_cents: int
    stock: int
    author: AuthorRead


class BookPage(Outgoing):
    """One page of a search and the number of all its hits."""

    total: int
    items: list[BookRead]


class OrderLineCreate(Incoming):
    """How many of which book."""

    book_id: Identifier
    quantity: Annotated[int, Field(ge=1, le=100)]


class OrderCreate(Incoming):
    """A new order."""

    customer: Name
    lines: Annotated[list[OrderLineCreate], Field(min_length=1, max_length=50)]


class OrderLineRead(Outgoing):
    """A line of an order with the price it was sold at."""

    book_id: int
    quantity: int
    unit_price_cents: int


class OrderRead(Outgoing):
    """An order and how far it is."""

    id: int
    customer: str
    status: OrderStatus
    created_at: UtcDateTime
    lines: list[OrderLineRead]


class Shipping(Outgoing):
    """What sending a parcel costs."""

    price_cents: int


class FileRead(Outgoing):
    """An uploaded file."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


class Checksum(Outgoing):
    """The checksum of a file as it lies on the disk now."""

    sha256: str


class OpenStreams(Outgoing):
    """How many clients listen to the events of this process."""

    open_streams: int


class About(Outgoing):
    """This process: since when it runs and how many requests it has begun."""

    name: str
    started_at: datetime
    requests: int


class Heartbeat(Outgoing):
    """The answer of a living server."""

    status: str


class Problem(Outgoing):
    """The body of every error that the shop itself reports."""

    error: str
    detail: str
