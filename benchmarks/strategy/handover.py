"""The lock-free queue: what a hand-over between threads costs, by queue and by loop."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from suite.kinds import BENCHMARKS, build

from strategy.table import Table

QUEUES = ("mutex and swap", "lock-free list")  # of benchmarks/cpp/handover_bench.cpp
RESULT = re.compile(r"^(.+, .+): ([\d.]+) ([\d.]+)$", re.MULTILINE)
LOOP_CASES = ("threadsafe-own", "threadsafe-burst", "threadsafe-wake-up", "executor", "to-thread")


def queues() -> Table:
    """Measure both queues with one thread, one producer and four."""
    benches = build("cpp_benches", lto=False)
    done = subprocess.run([str(benches), "[handover]"], capture_output=True, text=True, check=True)
    table = Table("Handing over, ns per item: least (median)", ["threads", *QUEUES])
    found = {name: (float(least), float(half)) for name, least, half in RESULT.findall(done.stdout)}
    for threads in dict.fromkeys(name.partition(", ")[0] for name in found):
        both = [found[f"{threads}, {queue}"] for queue in QUEUES]
        texts = [f"{least:.1f} ({half:.1f})" for least, half in both]
        table.add([threads, *texts], threads=threads, **dict(zip(QUEUES, both, strict=True)))
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
    return [queues(), loops(quick)]
