"""A table of figures: printed as Markdown, kept as JSON."""

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
        """Append one line."""
        self.lines.append(texts)
        self.figures.append(figures)

    def markdown(self) -> str:
        """Return the table with its title."""
        return f"**{self.title}**\n\n{report.markdown(self.header, self.lines)}"
