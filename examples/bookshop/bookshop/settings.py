"""What can be configured from outside, read once at start-up."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Settings:
    """The shop's settings; `None` means a temporary place that is gone when the server stops."""

    database_url: str | None = None  # SQLAlchemy URL with an async driver
    files_folder: Path | None = None  # where uploads are kept
    allowed_origins: tuple[str, ...] = ("https://shop.example",)  # for CORS
    max_body_bytes: int = 64 * 1024 * 1024  # largest accepted request body

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads the `BOOKSHOP_*` variables; what is not set keeps its default."""
        chosen: dict[str, Any] = {}
        if url := environ.get("BOOKSHOP_DATABASE_URL"):
            chosen["database_url"] = url
        if folder := environ.get("BOOKSHOP_FILES_FOLDER"):
            chosen["files_folder"] = Path(folder)
        if origins := environ.get("BOOKSHOP_ALLOWED_ORIGINS"):
            chosen["allowed_origins"] = tuple(origins.split(","))
        if limit := environ.get("BOOKSHOP_MAX_BODY_BYTES"):
            chosen["max_body_bytes"] = int(limit)
        return cls(**chosen)
