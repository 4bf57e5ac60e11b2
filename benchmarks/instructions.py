"""Count instructions per request: `python benchmarks/instructions.py --server uvicorn`.

Runs the server twice under `valgrind --tool=callgrind` with N1 and N2 requests and divides the
difference by N2 - N1, which cancels start-up, warm-up and shutdown. Instructions hardly depend on
the machine's load, so this is the figure to compare between two commits. The kernel's are not
counted.
"""

import argparse
import collections
import dataclasses
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import load_tool, machine
from suite.cases import CASES, Case
from suite.kinds import KINDS

ROOMS = ("base", "http", "ws", "cache", "loop", "server", "py", "aio", "asgi")
TOTAL = re.compile(r"^\s*([\d,]+)(?:\s+\(.*?\))?\s+PROGRAM TOTALS")
LINE = re.compile(r"^\s*([\d,]+)(?:\s+\([\s\d.]+%\))?\s+(\S+?):(.*?)(?:\s+\[(.*)\])?$")
ROOM_PATH = re.compile(r"csrc/(?:(\w+)/)?\w+\.\w+$")
ROOM_NAME = re.compile(rf"\bfasterapi::({'|'.join(ROOMS)})::")

# Which group an object file belongs to; the first match counts.
OBJECTS = (
    ("uvloop", "uvloop"),
    ("httptools", "httptools"),
    ("fasterapi_asgi", "_core, unknown source"),
    ("libpython", "libpython"),
    ("bin/python", "libpython"),
    ("lib-dynload", "libpython"),
    ("libc.so", "libc"),
    ("libc-", "libc"),
    ("libm.so", "libc"),
    ("libpthread", "libc"),
    ("ld-linux", "libc"),
    ("vgpreload", "libc"),
)
Key = tuple[str, str, str]  # source file, function, object file
Counts = collections.Counter[Key]


@dataclasses.dataclass(frozen=True)
class Run:
    """What to measure: one server, one case, and the two run lengths."""

    kind: str
    case: Case
    connections: int
    warmup: int
    requests: int
    prefix: tuple[str, ...] = ()  # a command before the server's, that ends by running it


def group(source: str, function: str, obj: str) -> str:
    """Return the room or library that a function belongs to.

    Args:
        source: its source file, `???` without debug information.
        function: its demangled name.
        obj: the object file that holds it, or an empty string.
    """
    if "fasterapi_asgi" in obj or obj.endswith("/floor") or not obj:
        if "benchmarks/floor/" in source:
            return "floor"
        if room := ROOM_PATH.search(source):
            return f"csrc/{room[1]}" if room[1] else "csrc"
        if room := ROOM_NAME.search(function):
            return f"csrc/{room[1]}"
        if "llhttp" in source or function.startswith("llhttp_"):
            return "llhttp"
        if "libuv" in source or function.startswith(("uv_", "uv__")):
            return "libuv"
        if "/include/c++/" in source or function.startswith("std::"):
            return "libstdc++ headers"
    for part, name in OBJECTS:
        if part in obj:
            return name
    return "rest"


def fill_objects(counts: Counts) -> Counts:
    """Return the counts with the object files that callgrind_annotate leaves out.

    It leaves them out for code inlined from another file. The function has the object then that
    it has elsewhere, or the one that most code below the same source directory is in.
    """
    by_function: dict[str, set[str]] = collections.defaultdict(set)
    by_directory: dict[Path, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for (source, function, obj), count in counts.items():
        if obj:
            by_function[function].add(obj)
            for directory in Path(source).parents:
                by_directory[directory][obj] += count
    filled: Counts = collections.Counter()
    for (source, function, obj), count in counts.items():
        known = by_function.get(function, set())
        owner = obj
        if not obj and len(known) == 1:
            owner = next(iter(known))
        elif not obj:
            near = [by_directory[up] for up in Path(source).parents if up in by_directory]
            owner = near[0].most_common(1)[0][0] if near else ""
        filled[source, function, owner] += count
    return filled


def parse(text: str) -> tuple[int, Counts]:
    """Read what callgrind_annotate prints: the total, and instructions per function.

    Raises:
        ValueError: there is no total in it.
    """
    total = None
    counts: Counts = collections.Counter()
    for line in text.splitlines():
        if found := TOTAL.match(line):
            total = int(found[1].replace(",", ""))
        elif total is not None and (found := LINE.match(line)):
            key = (found[2], found[3], found[4] or "")
            counts[key] += int(found[1].replace(",", ""))
    if total is None:
        raise ValueError("callgrind_annotate printed no total")
    return total, fill_objects(counts)


def serve_under(run: Run, requests: int, *tool: str) -> None:
    """Serve the warm-up and `requests` requests under valgrind, with options for its tool.

    Raises:
        LoadFailed: a request was not answered.
    """
    valgrind = ("valgrind", "--trace-children=yes", "-q", *tool)
    load = dataclasses.replace(run.case.load, connections=run.connections)
    options = {"prefix": (*run.prefix, *valgrind), "access_log": run.case.access_log}
    with run.case.server(run.kind, patience=240, **options) as server:
        for count in (run.warmup, requests):
            counted = ("--warmup=0", f"--requests={count}", "--drain=60")
            found = load_tool.run(load, server.port, *counted)
            if found["errors"] or found["requests"] != count:
                raise load_tool.LoadFailed(f"not all requests were answered: {found}")


def profile(run: Run, requests: int, directory: Path) -> tuple[int, Counts]:
    """Serve the warm-up and `requests` requests under callgrind; return what it counted."""
    output = f"--callgrind-out-file={directory}/callgrind.{requests}.%p"
    serve_under(run, requests, "--tool=callgrind", output)
    total = 0
    counts: Counts = collections.Counter()
    for path in directory.glob(f"callgrind.{requests}.*"):  # one per process
        annotate = ["callgrind_annotate", "--threshold=100", "--show=Ir", str(path)]
        done = subprocess.run(annotate, capture_output=True, text=True, check=True)
        of_one, its_counts = parse(done.stdout)
        total += of_one
        counts += its_counts
    return total, counts


def difference(run: Run) -> tuple[float, dict[Key, float], float]:
    """Return instructions per request: the total, by function, and the share not attributed."""
    with tempfile.TemporaryDirectory() as directory:
        less, fewer = profile(run, run.requests // 4, Path(directory))
        more, longer = profile(run, run.requests, Path(directory))
    requests = run.requests - run.requests // 4
    functions = {key: (longer[key] - fewer[key]) / requests for key in longer | fewer}
    total = (more - less) / requests
    return total, functions, 1 - sum(functions.values()) / total


def _by_group(functions: dict[Key, float]) -> dict[str, float]:
    groups: dict[str, float] = collections.defaultdict(float)
    for key, count in functions.items():
        groups[group(*key)] += count
    return dict(sorted(groups.items(), key=lambda item: -item[1]))


def _print(run: Run, total: float, functions: dict[Key, float], top: int) -> None:
    print(f"{run.kind}, {run.case.title}, {run.connections} connection(s)")
    print("\n| room or object | instructions/request | share |\n| --- | ---: | ---: |")
    for name, count in _by_group(functions).items():
        if round(count):
            print(f"| {name} | {count:,.0f} | {count / total:.1%} |")
    print(f"| **all** | {total:,.0f} | |")
    for key in sorted(functions, key=lambda key: -functions[key])[:top]:
        print(f"{functions[key]:12,.0f}  {group(*key)}: {key[1]} [{Path(key[0]).name}]")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="fasterapi_asgi", choices=list(KINDS))
    parser.add_argument("--case", default="hello-c1", choices=[case.name for case in CASES])
    parser.add_argument("--connections", type=int, default=1, help="(1, which repeats best)")
    parser.add_argument("--warmup", type=int, default=500, help="requests before (%(default)s)")
    parser.add_argument("--requests", type=int, default=2000, help="N2; N1 is a quarter of it")
    parser.add_argument("--top", type=int, default=0, help="also print the largest functions")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    arguments.case = next(case for case in CASES if case.name == arguments.case)
    if reason := KINDS[arguments.server].missing():
        parser.error(reason)
    if not arguments.case.can_be_asked(arguments.server):
        parser.error(f"{arguments.server} cannot answer {arguments.case.name}")
    return arguments


def main() -> int:
    """Measure one server and print its split; return the exit status."""
    arguments = _arguments()
    run = Run(
        arguments.server,
        arguments.case,
        arguments.connections,
        arguments.warmup,
        arguments.requests,
    )
    load_tool.build()
    with machine.pinned(machine.LOAD_CORE):
        total, functions, unattributed = difference(run)
    _print(run, total, functions, arguments.top)
    if abs(unattributed) > 0.01:
        print(f"not attributed to a function: {unattributed:.1%}", file=sys.stderr)
    if arguments.json:
        document = {
            "server": run.kind,
            "case": run.case.name,
            "machine": machine.describe(),
            "instructions_per_request": round(total, 1),
            "groups": {name: round(count, 1) for name, count in _by_group(functions).items()},
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
