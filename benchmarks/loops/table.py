"""From the rounds to a table and a caption."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from suite import report

from loops.cases import Case, Figure

Rounds = dict[str, dict[str, list[float]]]  # of one case: loop, figure, one value per round


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        values: the median of each loop, in microseconds.
        ratios: the first loop over each other one: median, least and largest of the rounds.
        met: None if it is not our loop and uvloop, or nothing is aimed at.
    """

    title: str
    values: dict[str, float]
    ratios: dict[str, report.Ratio]
    target: float | None
    met: bool | None

    def cells(self) -> list[str]:
        """Return the texts of the line."""
        return [
            self.title,
            *(_microseconds(value) for value in self.values.values()),
            *("{:.2f} ({:.2f}–{:.2f})".format(*ratio) for ratio in self.ratios.values()),
            "–" if self.target is None else f"≤ {self.target:.2f}",
            "–" if self.met is None else "yes" if self.met else "no",
        ]


def _microseconds(value: float) -> str:
    """Show three digits, which is about what the rounds agree on."""
    decimals = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}"


def _ratio(ours: list[float], theirs: list[float]) -> report.Ratio:
    paired = [a / b for a, b in zip(ours, theirs, strict=True)]
    return median(paired), min(paired), max(paired)


def line(case: Case, figure: Figure, rounds: Rounds) -> Line:
    """Make the line of one figure."""
    values = {loop: figures[figure.key] for loop, figures in rounds.items()}
    first, *others = values
    ratios = {loop: _ratio(values[first], values[loop]) for loop in others}
    judged = first == "fasterapi_asgi" and "uvloop" in ratios and figure.target is not None
    return Line(
        title=f"{case.title}, {figure.label}",
        values={loop: median(measured) for loop, measured in values.items()},
        ratios=ratios,
        target=figure.target,
        met=ratios["uvloop"][0] <= figure.target if judged and figure.target else None,
    )


def markdown(lines: list[Line]) -> str:
    """Return the table; all values are microseconds per operation."""
    first, *others = lines[0].values
    header = [
        "case, µs",
        first,
        *others,
        *(f"ours / {loop} (min–max)" for loop in others),
        "target, uvloop",
        "met",
    ]
    return report.markdown(header, [entry.cells() for entry in lines])


def caption(machine: dict[str, Any], plan: dict[str, Any]) -> str:
    """Return where and how the figures were made."""
    versions = machine["versions"]
    shown = ", ".join(
        f"{name} {versions[name]}" for name in ("fasterapi-asgi", "uvloop") if name in versions
    )
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}; {shown}; median of {plan['rounds']} interleaved rounds of "
        f"{plan['seconds']:g} s, the loop on one core, the client of the echo cases on another."
    )
