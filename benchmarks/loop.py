"""Measure fasterapi_asgi.EventLoop against uvloop and asyncio: `python benchmarks/loop.py`.

See benchmarks/README.md for the method. Exits with 1 if a case failed, never because it was slow.
"""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from loops import table
from loops.cases import BY_NAME, Case
from suite import machine, measure, report

LOOPS = ("fasterapi_asgi", "uvloop", "asyncio")
BENCHMARKS = Path(__file__).resolve().parent
WORKER = BENCHMARKS / "loops" / "worker.py"
LONGEST_CASE_S = 30


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    rounds: int = 5
    seconds: float = 0.4
    warm_up: float = 0.1


QUICK = Plan(rounds=1, seconds=0.02, warm_up=0.005)


class CaseFailed(Exception):
    """A case ended with an error on one of the loops."""


def _comma_separated(known: Collection[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not of {', '.join(known)}")
        return found

    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--loops",
        type=_comma_separated(LOOPS),
        default=list(LOOPS),
        help=f"of {','.join(LOOPS)}; ratios are the first over each other one",
    )
    parser.add_argument(
        "--cases",
        type=_comma_separated(BY_NAME),
        default=list(BY_NAME),
        help=f"only these, separated by commas, of {', '.join(BY_NAME)}",
    )
    parser.add_argument("--rounds", type=int, help=f"rounds per case ({Plan.rounds})")
    parser.add_argument("--seconds", type=float, help=f"seconds per round ({Plan.seconds})")
    parser.add_argument("--quick", action="store_true", help="a smoke test, no measurement")
    parser.add_argument("--readme", action="store_true", help="write the table to README.md")
    parser.add_argument("--output", type=Path, help="the JSON file to write")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else Plan()
    return dataclasses.replace(
        plan,
        rounds=arguments.rounds or plan.rounds,
        seconds=arguments.seconds or plan.seconds,
    )


def _output(arguments: argparse.Namespace) -> Path:
    """Name the result; only a full run gets the plain name that is kept."""
    if arguments.output:
        return Path(arguments.output)
    stem = f"loop-{datetime.date.today()}-py{platform.python_version()}"
    if arguments.loops != list(LOOPS):
        stem += "-" + "-vs-".join(arguments.loops)
    if arguments.cases != list(BY_NAME):
        stem += "-partial"
    if arguments.quick:
        stem += "-quick"
    return BENCHMARKS / "results" / f"{stem}.json"


def measure_one(case: Case, loop: str, plan: Plan) -> dict[str, float]:
    """Measure one case on one loop, in a process of its own.

    Raises:
        CaseFailed: it ended with an error, or did not end.
    """
    times = [str(value * case.stretch) for value in (plan.warm_up, plan.seconds)]
    try:
        done = subprocess.run(
            [sys.executable, str(WORKER), loop, case.name, *times],
            capture_output=True,
            text=True,
            timeout=LONGEST_CASE_S,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stderr or b"").decode()
        raise CaseFailed(f"{case.name} on {loop}: not over in {late.timeout} s\n{said}") from None
    if done.returncode:
        raise CaseFailed(f"{case.name} on {loop}: status {done.returncode}\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _measure(cases: list[Case], loops: list[str], plan: Plan) -> dict[str, table.Rounds]:
    """Run all cases once per round, each on all loops in turn; progress goes to stderr.

    A disturbance of some seconds so meets one round of many cases, and the median leaves it out.
    The loops take turns in who is first.
    """
    columns = list(zip(measure.labels(loops), loops, strict=True))
    measured: dict[str, table.Rounds] = {
        case.name: {column: {} for column, _ in columns} for case in cases
    }
    for number in range(plan.rounds):
        print(f"round {number + 1} of {plan.rounds} ...", file=sys.stderr, flush=True)
        first = number % len(columns)
        for case in cases:
            for column, loop in columns[first:] + columns[:first]:
                for key, value in measure_one(case, loop, plan).items():
                    measured[case.name][column].setdefault(key, []).append(value)
    return measured


def main() -> int:
    """Measure, print the table, write the files; return the exit status."""
    arguments = _arguments()
    plan = _plan(arguments)
    described = machine.describe()
    cases = [BY_NAME[name] for name in arguments.cases]
    try:
        measured = _measure(cases, arguments.loops, plan)
    except CaseFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    lines = [
        table.line(case, figure, measured[case.name]) for case in cases for figure in case.figures
    ]
    text = f"{table.markdown(lines)}\n\n{table.caption(described, dataclasses.asdict(plan))}"
    print(text)
    document = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": described,
        "plan": dataclasses.asdict(plan),
        "rows": [dataclasses.asdict(line) for line in lines],
        "cases": measured,
    }
    output = _output(arguments)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if arguments.readme:
        report.write_readme(BENCHMARKS.parent / "README.md", text, "loop benchmark")
    return 0


if __name__ == "__main__":
    sys.exit(main())
