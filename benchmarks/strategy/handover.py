"""The lock-free queue: what a hand-over between threads costs, by queue and by loop."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from suite.kinds import BENCHMARKS, build

from strategy.table import Table

ITEMS = 100_000  # kItems of benchmarks/cpp/handover_bench.cpp
RESULT = re.compile(r'<BenchmarkResults name="([^"]+)".*?<mean value="([\d.e+]+)"', re.DOTALL)
LOOP_CASES = ("threadsafe-own", "threadsafe-burst", "threadsafe-wake-up", "executor", "to-thread")


def queues(quick: bool) -> Table:
    """Measure both queues with one thread, one producer and four."""
    benches = build("cpp_benches", lto=False)
    options = ["[handover]", "-r", "xml", *(["--benchmark-samples", "2"] if quick else [])]
    command = [str(benches), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    table = Table("Handing over, ns per item", ["threads", "mutex and swap", "lock-free list"])
    found = {name: float(value) / ITEMS for name, value in RESULT.findall(done.stdout)}
    for threads in dict.fromkeys(name.partition(", ")[0] for name in found):
        both = [found[f"{threads}, {queue}"] for queue in table.header[1:]]
        figures = dict(zip(table.header[1:], both, strict=True))
        table.add([threads, *(f"{value:.1f}" for value in both)], threads=threads, **figures)
    return table


def loops(quick: bool) -> Table:
    """Measure the same from Python, on our loop, uvloop's and asyncio's: benchmarks/loop.py."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "loop.json"
        cases = ("--cases", ",".join(LOOP_CASES[:1] if quick else LOOP_CASES))
        command = [sys.executable, str(BENCHMARKS / "loop.py"), *cases, "--output", str(output)]
        command += ["--quick"] if quick else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows = json.loads(output.read_text("utf-8"))["rows"]
    names = list(rows[0]["values"])
    table = Table("The same from Python, CPU or time in µs", ["case", *names])
    for row in rows:
        texts = [f"{row['values'][name]:.2f}" for name in names]
        table.add([row["title"], *texts], title=row["title"], ratios=row["ratios"], **row["values"])
    return table


def tables(quick: bool) -> list[Table]:
    """Measure both."""
    return [queues(quick), loops(quick)]
