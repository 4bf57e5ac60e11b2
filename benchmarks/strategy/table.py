"""A table of figures: printed as Markdown, kept as JSON."""

import sys
from dataclasses import dataclass, field
from typing import Any

from suite import report


@dataclass
class Table:
    """What one strategy gives.

    Attributes:
        title: what the figures are of.
        header: one heading per column, the first for the name of the line.
        lines: texts, one per column.
        figures: the same as numbers, for those who compare.
    """

    title: str
    header: list[str]
    lines: list[list[str]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, texts: list[str], **figures: Any) -> None:
        """Append one line; it also goes to stderr, for those who wait for the last."""
        print(" | ".join(texts), file=sys.stderr, flush=True)
        self.lines.append(texts)
        self.figures.append(figures)

    def markdown(self) -> str:
        """Return the table with its title."""
        return f"**{self.title}**\n\n{report.markdown(self.header, self.lines)}"
