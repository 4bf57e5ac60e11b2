"""What lives as long as the server: made by the lifespan, reached through `request.state`."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from bookshop.broker import EventBroker
from bookshop.database import Database


@dataclass(slots=True)
class Statistics:
    """Counters of this process.

    Each request gets a shallow copy of the lifespan's state, so what changes must sit in an
    object of its own: that object is shared, a plain number would not be.
    """

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    requests: int = 0


class BookshopState(TypedDict):
    """The keys that the lifespan yields."""

    database: Database
    broker: EventBroker
    files_folder: Path
    statistics: Statistics
