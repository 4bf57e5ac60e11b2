"""The figures of a strategy: instructions, allocations, and CPU time in interleaved rounds."""

import contextlib
import dataclasses
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import instructions
from instructions import Run
from suite import load_tool, measure
from suite.cases import Case
from suite.measure import Figures, Plan

HEAP = re.compile(r"total heap usage: ([\d,]+) allocs, [\d,]+ frees, ([\d,]+) bytes allocated")
MEMCHECK = ("--tool=memcheck", "--leak-check=no", "--undef-value-errors=no", "--verbose")


@dataclass(frozen=True)
class Effort:
    """How much is asked for a figure.

    Attributes:
        warmup: requests before those that are counted.
        requests: counted ones; instructions are of three quarters of them.
        plan: the rounds of CPU time.
    """

    warmup: int = 300
    requests: int = 1200
    plan: Plan = field(default_factory=lambda: Plan(rounds=5, seconds=1.0, warmup=0.3, retries=3))

    @staticmethod
    def quick() -> "Effort":
        """Return the effort of --quick, which is a smoke test."""
        return Effort(20, 40, Plan.quick())


@dataclass(frozen=True)
class Lane:
    """One way to run the server: its name in the tables, and the command before the server's."""

    name: str
    prefix: tuple[str, ...] = ()
    kind: str = "fasterapi_asgi"


def run_of(lane: Lane, case: Case, effort: Effort) -> Run:
    batch = case.load.connections * case.load.pipeline
    requests = max(effort.requests // batch, 4) * batch  # whole batches
    return Run(lane.kind, case, case.load.connections, effort.warmup, requests, lane.prefix)


def count_instructions(lane: Lane, case: Case, effort: Effort) -> float:
    """Return the instructions of one request, without the kernel's."""
    return instructions.difference(run_of(lane, case, effort))[0]


def count_allocations(lane: Lane, case: Case, effort: Effort) -> tuple[float, float]:
    """Return how often one request allocates memory, and how many bytes.

    Python's own allocator is switched off for it, so that each of its blocks is seen.
    """
    run = run_of(lane, case, effort)
    run = dataclasses.replace(run, prefix=("env", "PYTHONMALLOC=malloc", *run.prefix))
    less, fewer = _heap_usage(run, run.requests // 4)
    more, longer = _heap_usage(run, run.requests)
    requests = run.requests - run.requests // 4
    return (more - less) / requests, (longer - fewer) / requests


def _heap_usage(run: Run, requests: int) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as folder:
        instructions.serve_under(run, requests, *MEMCHECK, f"--log-file={folder}/%p")
        logs = [HEAP.search(path.read_text("utf-8")) for path in Path(folder).iterdir()]
    usages = [tuple(int(text.replace(",", "")) for text in log.groups()) for log in logs if log]
    if not usages:
        raise load_tool.LoadFailed("valgrind told no heap usage")
    return sum(usage[0] for usage in usages), sum(usage[1] for usage in usages)


def cpu_rounds(lanes: list[Lane], case: Case, plan: Plan) -> Figures:
    """Measure the CPU time of a request on all lanes, one busy at a time, in turns."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        servers = [
            (lane.name, stack.enter_context(case.server(lane.kind, prefix=lane.prefix)))
            for lane in lanes
        ]
        for _, server in servers:
            measure.check_answer(case, server)
        measure.interleave(figures, servers, case, plan)
    return figures
