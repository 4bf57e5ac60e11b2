"""Turns figures into rows with targets, Markdown tables, and the README's section."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from suite import cases
from suite.cases import Case
from suite.measure import Figures

Ratio = tuple[float, float, float]

# The columns of the second table: heading, figure, shape.
DETAILS = (
    ("req/s", "rps", "{:.0f}"),
    ("p50 µs", "p50_us", "{:.0f}"),
    ("p99 µs", "p99_us", "{:.0f}"),
    ("RSS MiB", "rss_mib", "{:.1f}"),
    ("server CPU", "server_cpu_share", "{:.0%}"),
    ("server waited", "server_wait_share", "{:.0%}"),
    ("load CPU", "load_cpu_share", "{:.0%}"),
)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        values: one text per server.
        ratio: median, least and largest of the first server's figure over the last one's.
        target: what is aimed at, in words; empty if nothing is.
        met: None if these servers cannot tell.
    """

    title: str
    values: list[str]
    ratio: Ratio | None = None
    target: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        """Return the texts of the line."""
        ratio = "{:.2f} ({:.2f}–{:.2f})".format(*self.ratio) if self.ratio else "–"
        met = "–" if self.met is None else "yes" if self.met else "no"
        return [self.title, *self.values, ratio, self.target or "–", met]


class Judge:
    """Makes rows for one list of servers; judges targets only for ours against uvicorn."""

    def __init__(self, kinds: list[str], columns: list[str]) -> None:
        """Take the servers and their column names, in the same order."""
        self.columns = columns
        self.paired = len(kinds) > 1
        self.ours = kinds[0] == "fasterapi_asgi"
        self.comparable = self.ours and self.paired and kinds[-1] == "uvicorn"

    def ratio(self, figures: Figures, name: str) -> Ratio | None:
        """Return the paired ratio: each round of the first server over that of the last."""
        if not self.paired or not {self.columns[0], self.columns[-1]} <= figures.columns.keys():
            return None
        ours = figures.columns[self.columns[0]][name]
        theirs = figures.columns[self.columns[-1]][name]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True) if b > 0]
        return (median(ratios), min(ratios), max(ratios)) if ratios else None

    def _texts(self, figures: Figures, name: str, shape: str) -> list[str]:
        """Lay out one text per server; a dash for one that could not be asked."""
        return [
            shape.format(figures.median(column, name))
            + (" (errors!)" if figures.errors.get(column) else "")
            if column in figures.columns
            else "–"
            for column in self.columns
        ]

    def relative(
        self, title: str, figures: Figures, name: str, shape: str, target: float | None = None
    ) -> Row:
        """Make a row whose target is a largest ratio."""
        ratio = self.ratio(figures, name)
        met = ratio[0] <= target if self.comparable and ratio and target is not None else None
        goal = f"≤ {target:.2f}" if target is not None else ""
        return Row(title, self._texts(figures, name, shape), ratio, goal, met)

    def absolute(
        self, title: str, figures: Figures, name: str, shape: str, target: tuple[float, str]
    ) -> Row:
        """Make a row whose target is a largest value of our own server."""
        most, goal = target
        met = figures.median(self.columns[0], name) <= most if self.ours else None
        return Row(title, self._texts(figures, name, shape), None, goal, met)


def case_rows(judge: Judge, case: Case, figures: Figures) -> list[Row]:
    """Make the rows of a load case."""
    title = f"{case.title}, CPU/request"
    rows = [judge.relative(title, figures, "cpu_us", "{:.2f} µs", case.target)]
    if case.access_log:
        most = cases.ACCESS_LOG_ADDS_US
        goal = (most, f"≤ {most} µs")
        added = _added_by_log(judge, figures)
        rows.append(judge.absolute("access log adds", added, "added_us", "{:.2f} µs", goal))
    return rows


def _added_by_log(judge: Judge, figures: Figures) -> Figures:
    """Subtract the rounds with the log off from those with it on."""
    added = Figures(errors=figures.errors)
    for column in judge.columns:
        if column not in figures.columns:
            continue
        on = figures.columns[column]["cpu_us"]
        off = figures.columns[f"{column}, log off"]["cpu_us"]
        for with_log, without in zip(on, off, strict=True):
            added.add(column, added_us=with_log - without)
    return added


def _def_busy_rows(judge: Judge, figures: Figures) -> list[Row]:
    title = "FastAPI def while the loop is saturated"
    return [
        judge.relative(f"{title}, p50", figures, "def_p50_us", "{:.0f} µs"),
        judge.relative(f"{title}, p99", figures, "def_p99_us", "{:.0f} µs"),
        judge.relative("the saturating async route, req/s", figures, "hammer_rps", "{:.0f}"),
    ]


def _idle_cpu_rows(judge: Judge, figures: Figures) -> list[Row]:
    goal = (cases.IDLE_CPU_PERCENT, "0.0 %")
    title = "idle CPU, 100 keep-alive connections"
    return [judge.absolute(title, figures, "idle_cpu_percent", "{:.2f} %", goal)]


def _idle_memory_rows(judge: Judge, figures: Figures) -> list[Row]:
    most = cases.IDLE_CONNECTION_KIB
    goal = (most, f"≤ {most:g} KiB")
    title = "memory per idle connection"
    return [judge.absolute(title, figures, "connection_kib", "{:.2f} KiB", goal)]


def _start_up_rows(judge: Judge, figures: Figures) -> list[Row]:
    title = "start-up to first answer"
    return [judge.relative(title, figures, "start_up_ms", "{:.0f} ms", cases.START_UP_RATIO)]


EXTRA_ROWS: dict[str, Callable[[Judge, Figures], list[Row]]] = {
    "def-busy": _def_busy_rows,
    "idle-cpu": _idle_cpu_rows,
    "idle-memory": _idle_memory_rows,
    "start-up": _start_up_rows,
}


def markdown(header: list[str], lines: list[list[str]]) -> str:
    """Lay out a Markdown table; all columns but the first are right-aligned."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def main_table(columns: list[str], rows: list[Row]) -> str:
    """Return the table with ratios and targets."""
    ratio = f"{columns[0]} / {columns[-1]} (min–max)" if len(columns) > 1 else "ratio"
    header = ["case", *columns, ratio, "target", "met"]
    return markdown(header, [row.cells() for row in rows])


def detail_table(measured: dict[str, Figures]) -> str:
    """Return the table of throughput, latency and memory of the load cases."""
    header = ["case", "server", *(title for title, _, _ in DETAILS), "repeated"]
    lines = []
    for case, figures in measured.items():
        for column in figures.columns:
            if "rps" in figures.columns[column]:
                texts = [shape.format(figures.median(column, name)) for _, name, shape in DETAILS]
                lines.append([case, column, *texts, str(figures.repeated)])
    return markdown(header, lines)


def caption(machine: dict[str, Any], plan: dict[str, Any]) -> str:
    """Return one sentence that says where and how the figures were made."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}; {versions}; median of {plan['rounds']} interleaved rounds "
        f"of {plan['seconds']:g} s, server and load on one core each."
    )


def write_readme(path: Path, text: str, name: str = "benchmark") -> None:
    """Replace what lies between a table's markers in a README.

    Raises:
        ValueError: the file has no markers of that name.
    """
    opening, closing = f"<!-- {name} table -->", f"<!-- /{name} table -->"
    content = path.read_text(encoding="utf-8")
    before, begin, rest = content.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"{path.name} has no {opening} ... {closing}")
    path.write_text(f"{before}{opening}\n\n{text}\n\n{closing}{after}", encoding="utf-8")
