"""The strategies that are variants of the server: batching, pooling, zero copy, the JIT."""

import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

from suite.cases import CASES, Case
from suite.kinds import HELLO
from suite.load_tool import Load
from suite.measure import Figures

from strategy import changes, meters
from strategy.meters import Effort, Lane
from strategy.table import Table
from strategy.variants import Variant

BY_NAME = {case.name: case for case in CASES}
LOADS = (
    Case("c1", "1 connection", Load(connections=1), constant=HELLO),
    Case("c8", "8 connections", Load(connections=8), constant=HELLO),
    Case("c64", "64 connections", Load(connections=64), constant=HELLO),
    Case("c256", "256 connections", Load(connections=256), constant=HELLO),
    Case(
        "x16", "16 connections, pipelined by 16", Load(connections=16, pipeline=16), constant=HELLO
    ),
)
SIZES = (13, 1024, 4096, 8192, 16384, 65536, 1048576)


def _lanes(variants: tuple[Variant, ...]) -> list[Lane]:
    for variant in variants:
        print(f"{variant.name}: compiling", file=sys.stderr, flush=True)
    return [Lane(variant.name, variant.prefix()) for variant in variants]


def ratio(
    figures: Figures, lane: str, base: str, name: str = "cpu_us"
) -> tuple[float, float, float]:
    """Return the ratio of two lanes, taken within each round: median, least, largest."""
    pairs = zip(figures.columns[lane][name], figures.columns[base][name], strict=True)
    ratios = [one / other for one, other in pairs if other > 0]
    return (median(ratios), min(ratios), max(ratios)) if ratios else (0.0, 0.0, 0.0)


def _compare(table: Table, lanes: list[Lane], case: Case, effort: Effort, **labels: Any) -> None:
    """Add one line: instructions and CPU of a case on the first lane, and the others beside it."""
    print(f"{table.title}: {case.title} ...", file=sys.stderr, flush=True)
    counted = [meters.count_instructions(lane, case, effort) for lane in lanes]
    rounds = meters.cpu_rounds(lanes, case, effort.plan)
    cpu = [rounds.median(lane.name, "cpu_us") for lane in lanes]
    ratios = [ratio(rounds, lane.name, lanes[0].name) for lane in lanes]
    texts = [f"{counted[0]:,.0f}", f"{cpu[0]:.2f} µs"]
    for count, three in zip(counted[1:], ratios[1:], strict=True):
        texts += [f"{count - counted[0]:+,.0f}", "{:.2f} ({:.2f}–{:.2f})".format(*three)]
    table.add([case.title, *texts], case=case.name, **labels)
    names = [lane.name for lane in lanes]
    table.figures[-1] |= {
        "instructions": dict(zip(names, counted, strict=True)),
        "cpu_us": dict(zip(names, cpu, strict=True)),
        "cpu_ratio": dict(zip(names, ratios, strict=True)),
    }


def _header(first: str, lanes: list[Lane]) -> list[str]:
    texts = [first, f"{lanes[0].name}: instructions", "CPU"]
    for lane in lanes[1:]:
        texts += [f"{lane.name}: instructions", "CPU, ratio"]
    return texts


def batching(effort: Effort, quick: bool) -> list[Table]:
    """Start one request per turn, and give up the GIL before each, against a batch per turn."""
    variants = (changes.PRODUCT, changes.GIL_PER_REQUEST, changes.TURN_PER_REQUEST)
    lanes = _lanes(variants)
    table = Table("Request batching, raw hello", _header("load", lanes))
    for case in LOADS[1:2] if quick else LOADS:
        _compare(table, lanes, case, effort)
    return [table]


def zero_copy(effort: Effort, quick: bool) -> list[Table]:
    """Send bodies by reference or copy them behind their heads, by size."""
    lanes = _lanes((changes.PRODUCT, changes.NEVER_COPIED, changes.ALWAYS_COPIED))
    table = Table("Zero-copy responses, 16 connections", _header("body", lanes))
    for size in SIZES[:1] if quick else SIZES:
        load = Load(f"/{size}", connections=16)
        case = Case(f"body-{size}", _size(size), load, "sized", body_bytes=size)
        _compare(table, lanes, case, effort, bytes=size)
    return [table]


def _size(size: int) -> str:
    if size % 2**20 == 0:
        return f"{size >> 20} MiB"
    return f"{size >> 10} KiB" if size % 1024 == 0 else f"{size} B"


# What is kept from request to request, by the variant that does without; then what is not.
POOLED = {
    changes.HEADER_NAMES_MADE: "header names: made for each request",
    changes.SCOPE_FILLED: "scope: filled key by key, not copied from the connection's template",
    changes.AWAITABLE_MADE: "send(): an awaitable for each call, not the one that is complete",
    changes.BUFFERS_FREED: "buffers of a connection: freed when it is idle",
    changes.CYCLE_POOL: "RequestCycle from a free list (not in the product)",
    changes.BOUND_POOL: "receive and send from a free list (not in the product)",
}


def pooling(effort: Effort, quick: bool) -> list[Table]:
    """Do without each thing that is reused; and try the free lists that we do not have."""
    header = ["raw hello, 1 connection", "instructions", "allocations", "bytes allocated"]
    table = Table("Object pooling", header)
    case = BY_NAME["hello-c1"]
    [product] = _lanes((changes.PRODUCT,))
    base = _measured(product, case, effort)
    table.add(["the product", *(f"{value:,.1f}" for value in base)], variant="product", values=base)
    table.lines[0][1] = f"{base[0]:,.0f}"
    for variant, title in list(POOLED.items())[: 1 if quick else None]:
        [lane] = _lanes((variant,))
        print(f"{table.title}: {title} ...", file=sys.stderr, flush=True)
        values = _measured(lane, case, effort)
        more = [value - before for value, before in zip(values, base, strict=True)]
        texts = [
            f"{more[0]:+,.0f} ({more[0] / base[0]:+.1%})",
            f"{more[1]:+.1f}",
            f"{more[2]:+,.0f}",
        ]
        table.add([title, *texts], variant=variant.name, values=values)
    return [table]


def _measured(lane: Lane, case: Case, effort: Effort) -> tuple[float, float, float]:
    counted = meters.count_instructions(lane, case, effort)
    return (counted, *meters.count_allocations(lane, case, effort))


def jit(effort: Effort, quick: bool) -> list[Table]:
    """Switch CPython's JIT off and on, in a build that has it."""
    if not getattr(sys, "_jit", None) or not sys._jit.is_available():
        return [_no_jit()]
    lanes = [Lane("JIT off", ("env", "PYTHON_JIT=0")), Lane("JIT on", ("env", "PYTHON_JIT=1"))]
    # It compiles what has run often: only a long warm-up shows it.
    effort = replace(effort, warmup=effort.warmup if quick else 3000)
    table = Table(f"CPython's JIT, Python {sys.version.split()[0]}", _header("case", lanes))
    for name in ("hello-c1",) if quick else ("hello-c1", "fastapi-dict"):
        _compare(table, lanes, BY_NAME[name], effort)
    return [table]


def _no_jit() -> Table:
    """Return a table that says why it is empty."""
    python = f"Python {sys.version.split()[0]}"
    return Table(f"CPython's JIT: this {python} is built without it", ["case", "figure"])


SERVER_STRATEGIES: dict[str, Callable[[Effort, bool], list[Table]]] = {
    "batching": batching,
    "pooling": pooling,
    "zero-copy": zero_copy,
    "jit": jit,
}
