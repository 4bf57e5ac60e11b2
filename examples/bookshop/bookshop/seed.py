"""Something to look at in an empty shop."""

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from bookshop.database import Database
from bookshop.models import Author, Book

BOOKS = (
    ("Jane Austen", "Emma", "9780141439587", 899, 410, 25),
    ("Jane Austen", "Persuasion", "9780141439686", 799, 380, 12),
    ("Mary Shelley", "Frankenstein", "9780141439471", 950, 455, 40),
    ("Jules Verne", "Around the World in Eighty Days", "9780140449068", 1050, 520, 18),
    ("Herman Melville", "Moby-Dick", "9780142437247", 1250, 640, 7),
)


async def seed(database: Database) -> None:
    """Fills an empty database; one that has authors is left alone."""
    try:
        async with database.sessions.begin() as session:
            if await session.scalar(select(func.count(Author.id))):
                return
            authors = {name: Author(name=name) for name, *_ in BOOKS}
            for name, title, isbn, price, cost, stock in BOOKS:
                book = Book(title=title, isbn=isbn, price_cents=price, cost_cents=cost, stock=stock)
                book.author = authors[name]
                session.add(book)
    except IntegrityError:
        pass  # another worker filled it between our look and our commit
