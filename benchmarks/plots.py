"""Draw the plots of docs/explanation: `python benchmarks/plots.py` after `benchmarks/run.py`.

Reads one result of run.py and writes each plot as SVG and PNG. Needs matplotlib, which is in the
extra `bench`.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import report
from suite.cases import CASES, Case
from suite.kinds import BENCHMARKS, ROOT

FOLDER = ROOT / "docs" / "explanation" / "plots"
PLAIN_NAME = re.compile(r"\d{4}-\d\d-\d\d-py[\d.]+\.json")  # a full run against uvicorn
# Colours that differ for those who see red and green alike.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")
PARTS = {"kernel": "#999999", "server": "#0072b2", "application": "#e69f00"}
HELLO_64 = "hello-c64"
SPLIT_CASES = (HELLO_64, "body-10k", "post-echo", "pipeline-16", "fastapi-dict", "fastapi-item")
Medians = dict[str, dict[str, dict[str, float]]]  # by case, by server


class MissingFigures(Exception):
    """A result has not what a plot shows; it may be of an older run.py."""


def medians(document: dict[str, Any]) -> Medians:
    """Return the median figures of a result of run.py."""
    return {
        case: {column: figures["median"] for column, figures in columns.items()}
        for case, columns in document["cases"].items()
    }


def _servers(found: Medians, cases: list[str]) -> list[str]:
    return list(dict.fromkeys(server for case in cases for server in found[case]))


def _new(width: float, title: str, widths: list[int]) -> tuple[Figure, list[Axes]]:
    """Make a figure with one plot for each of the relative widths, side by side."""
    figure, axes = pyplot.subplots(
        1, len(widths), figsize=(width, 4.5), squeeze=False, width_ratios=widths
    )
    figure.suptitle(title, fontsize=11)
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes[0])


def throughput(found: Medians) -> Figure:
    """Draw requests per second as bars, by case and server; FastAPI has a scale of its own.

    Raises:
        MissingFigures: there is no case with load.
    """
    cases = [case for case in CASES if any("rps" in f for f in found.get(case.name, {}).values())]
    groups = [group for app in ("raw", "fast") if (group := [c for c in cases if c.app == app])]
    if not groups:
        raise MissingFigures("no case with requests per second")
    servers = [
        server
        for server in _servers(found, [case.name for case in cases])
        if not server.endswith(", log off")
    ]
    figure, axes = _new(
        13, "Requests per second, one core for the server", [len(group) for group in groups]
    )
    for axis, group in zip(axes, groups, strict=True):
        _bars(axis, group, servers, found)
    axes[0].set_ylabel("requests/s")
    axes[-1].legend(fontsize=8)
    return figure


def _bars(axis: Axes, cases: list[Case], servers: list[str], found: Medians) -> None:
    width = 0.8 / len(servers)
    for index, server in enumerate(servers):
        at = [place + index * width for place in range(len(cases))]
        rates = [found[case.name].get(server, {}).get("rps", 0.0) for case in cases]
        bars = axis.bar(at, rates, width, label=server, color=COLOURS[index % len(COLOURS)])
        labels = [f"{rate / 1000:.1f}k" if rate else "–" for rate in rates]
        axis.bar_label(bars, labels, fontsize=6, padding=1)
    middle = 0.4 - width / 2
    titles = [_wrapped(case.title) for case in cases]
    axis.set_xticks([place + middle for place in range(len(cases))], titles, fontsize=6)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k")


def latency(found: Medians) -> Figure:
    """Draw the median and the 99th percentile of raw hello by the number of connections.

    Raises:
        MissingFigures: the case `by-load` was not measured.
    """
    by_server = found.get("by-load", {})
    if not by_server:
        raise MissingFigures("no case `by-load`")
    figure, axes = _new(
        10, "Latency of raw hello by load, closed loop, one core for the server", [1, 1]
    )
    for axis, percentile in zip(axes, ("p50", "p99"), strict=True):
        for index, (server, figures) in enumerate(by_server.items()):
            prefix = f"{percentile}_us_c"
            loads = sorted(int(name[len(prefix) :]) for name in figures if name.startswith(prefix))
            values = [figures[f"{prefix}{load}"] for load in loads]
            colour = COLOURS[index % len(COLOURS)]
            axis.plot(loads, values, marker="o", markersize=4, label=server, color=colour)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(loads, [str(load) for load in loads])
        axis.set_xlabel("connections, each with one request at a time")
        axis.set_title(percentile, fontsize=9)
    axes[0].set_ylabel("µs, logarithmic")
    axes[0].legend(fontsize=8)
    return figure


def parts(found: Medians, case: str, app: str, server: str) -> dict[str, float]:
    """Split the CPU time of a request: kernel, server, application, in µs.

    The application is what the user time of a FastAPI case has above that of raw hello on the same
    server; a raw one is some lines and counts as the server's.

    Raises:
        MissingFigures: the result has no split of user and system time.
    """
    figures = found[case][server]
    hello = found.get(HELLO_64, {}).get(server, {})
    if "kernel_us" not in figures or (app == "fast" and "kernel_us" not in hello):
        raise MissingFigures(f"no `kernel_us` of {server} in `{case}` or `{HELLO_64}`")
    user = figures["cpu_us"] - figures["kernel_us"]
    own = user if app == "raw" else min(user, hello["cpu_us"] - hello["kernel_us"])
    return {"kernel": figures["kernel_us"], "server": own, "application": user - own}


def cpu(found: Medians) -> Figure:
    """Draw the CPU time of a request, stacked: kernel, server, application.

    Raises:
        MissingFigures: the result has no split of user and system time.
    """
    cases = [case for case in CASES if case.name in SPLIT_CASES and case.name in found]
    if not cases:
        raise MissingFigures("no case whose CPU time can be split")
    figure, axes = _new(2.2 * len(cases) + 1, "CPU time per request", [1] * len(cases))
    for axis, case in zip(axes, cases, strict=True):
        servers = list(found[case.name])
        split = [parts(found, case.name, case.app, server) for server in servers]
        bottom = [0.0] * len(servers)
        for part, colour in PARTS.items():
            heights = [one[part] for one in split]
            axis.bar(range(len(servers)), heights, 0.7, bottom, label=part, color=colour)
            bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
        axis.margins(y=0.1)
        axis.bar_label(axis.containers[-1], [f"{total:.1f}" for total in bottom], fontsize=7)
        axis.set_xticks(range(len(servers)), servers, rotation=30, ha="right", fontsize=7)
        axis.set_title(_wrapped(case.title), fontsize=8)
    axes[0].set_ylabel("µs")
    axes[0].legend(fontsize=8)
    note = "kernel: system time; application: user time of a FastAPI case less that of raw hello"
    figure.text(0.01, 0.035, f"{note}, 64 connections, on the same server", fontsize=7)
    return figure


def _wrapped(title: str) -> str:
    return title.replace(", ", ",\n").replace("FastAPI ", "FastAPI\n")


PLOTS: dict[str, Callable[[Medians], Figure]] = {
    "throughput": throughput,
    "latency": latency,
    "cpu": cpu,
}


ALTERNATIVES = {
    "throughput": "Requests per second by case and server",
    "latency": "Median and 99th percentile of the latency by number of connections",
    "cpu": "CPU time of a request: kernel, server, application",
}


def draw(document: dict[str, Any], folder: Path) -> list[str]:
    """Write all plots of a result as SVG and PNG; return what could not be drawn, and why."""
    found = medians(document)
    machine = document["machine"]
    where = f"{machine['cpu']}, Python {machine['python']}, {document['date'][:10]}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    mpl.rcParams["svg.hashsalt"] = "fasterapi_asgi"  # the same figures make the same file
    for name, make in PLOTS.items():
        try:
            figure = make(found)
        except MissingFigures as reason:
            missing.append(f"{name}: {reason}")
            continue
        figure.text(0.99, 0.01, where, fontsize=6, ha="right")
        figure.tight_layout(rect=(0, 0.03, 1, 1))
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=130, metadata={"Software": None})
        pyplot.close(figure)
    return missing


def embed(folder: Path, page: Path) -> None:
    """Show the plots that a folder holds between the markers of a page that lies above it.

    Raises:
        ValueError: the page has no markers.
    """
    drawn = [name for name in PLOTS if (folder / f"{name}.svg").exists()]
    lines = [f"![{ALTERNATIVES[name]}]({folder.name}/{name}.svg)" for name in drawn]
    report.write_readme(page, "\n\n".join(lines), "plots")


def publish(document: dict[str, Any]) -> list[str]:
    """Draw the plots of a result for docs/explanation and show them there, as draw() does."""
    missing = draw(document, FOLDER)
    embed(FOLDER, FOLDER.parent / "where-time-goes.md")
    return missing


def newest_result() -> Path | None:
    """Return the last full run against uvicorn, by its name."""
    results = (BENCHMARKS / "results").glob("*.json")
    return max((path for path in results if PLAIN_NAME.fullmatch(path.name)), default=None)


def main() -> int:
    """Draw; return 1 if a plot could not be drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", nargs="?", type=Path, help="(the newest full run)")
    parser.add_argument("--folder", type=Path, help="(docs/explanation/plots, and shown there)")
    arguments = parser.parse_args()
    result = arguments.result or newest_result()
    if result is None:
        parser.error("there is no result: run benchmarks/run.py")
    document = json.loads(result.read_text(encoding="utf-8"))
    missing = draw(document, arguments.folder) if arguments.folder else publish(document)
    for reason in missing:
        print(f"not drawn: {reason}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
