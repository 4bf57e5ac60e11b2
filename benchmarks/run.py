"""Measure fasterapi_asgi against uvicorn: `python benchmarks/run.py`, no arguments needed.

See benchmarks/README.md for the method and for what each figure means. Exits with 1 if a server
gave wrong answers or lost connections, never because it was slow.
"""

import argparse
import dataclasses
import datetime
import importlib.util
import json
import platform
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import cases, load_tool, machine, measure, report, servers
from suite.kinds import KINDS
from suite.measure import Figures, Plan

DEFAULT_SERVERS = "fasterapi_asgi,uvicorn"
NAMES = [case.name for case in cases.CASES] + list(cases.EXTRAS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--servers",
        default=DEFAULT_SERVERS,
        help=f"of {', '.join(KINDS)}; ratios are first/last (%(default)s)",
    )
    parser.add_argument("--case", action="append", choices=NAMES, help="only this; repeatable")
    parser.add_argument("--rounds", type=int, help="rounds per case (5)")
    parser.add_argument("--seconds", type=float, help="seconds per round (2)")
    parser.add_argument("--quick", action="store_true", help="a smoke test, no measurement")
    parser.add_argument("--readme", action="store_true", help="write the table to README.md")
    parser.add_argument("--plots", action="store_true", help="also draw docs/explanation/plots")
    parser.add_argument("--output", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    arguments.kinds = arguments.servers.split(",")
    unknown = set(arguments.kinds) - set(KINDS)
    if unknown:
        parser.error(f"unknown server: {', '.join(sorted(unknown))}")
    arguments.kinds = _present(arguments.kinds)
    if not arguments.kinds:
        parser.error("none of these servers is here")
    if arguments.plots and not importlib.util.find_spec("matplotlib"):
        parser.error("matplotlib is not installed; it is in the extra `bench`")
    return arguments


def _present(kinds: list[str]) -> list[str]:
    """Leave out the servers that are not on this machine, and say so."""
    reasons = {kind: KINDS[kind].missing() for kind in kinds}
    for kind, reason in reasons.items():
        if reason:
            print(f"{kind} is skipped: {reason}", file=sys.stderr)
    return [kind for kind in kinds if not reasons[kind]]


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = Plan.quick() if arguments.quick else Plan()
    changes = {
        name: value
        for name in ("rounds", "seconds")
        if (value := getattr(arguments, name)) is not None
    }
    return dataclasses.replace(plan, **changes)


def _output(arguments: argparse.Namespace) -> Path:
    """Name the result; only a full run against uvicorn gets the plain name that is kept."""
    if arguments.output:
        return Path(arguments.output)
    stem = f"{datetime.date.today()}-py{platform.python_version()}"
    if arguments.servers != DEFAULT_SERVERS:
        stem += "-" + "-vs-".join(arguments.kinds)
    if arguments.case:
        stem += "-partial"
    if arguments.quick:
        stem += "-quick"
    return servers.BENCHMARKS / "results" / f"{stem}.json"


def _measure(wanted: list[str], kinds: list[str], plan: Plan) -> dict[str, Figures]:
    """Run the wanted cases on the servers that can answer; what is under way goes to stderr."""
    measured = {}
    by_name = {case.name: case for case in cases.CASES}
    for name in wanted:
        case = by_name.get(name)
        loads = cases.HELLO_CASE if name == "by-load" else case
        can = loads.can_be_asked if loads else lambda kind: KINDS[kind].like_uvicorn
        able = [kind for kind in kinds if can(kind)]
        if not able:
            print(f"{name}: none of these servers can answer it", file=sys.stderr)
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        if case:
            measured[name] = measure.rounds(case, able, plan)
        else:
            measured[name] = measure.EXTRA[name](able, plan)
    return measured


def _rows(judge: report.Judge, measured: dict[str, Figures]) -> list[report.Row]:
    rows = []
    for case in cases.CASES:
        if case.name in measured:
            rows += report.case_rows(judge, case, measured[case.name])
    for name, make in report.EXTRA_ROWS.items():
        if name in measured:
            rows += make(judge, measured[name])
    return rows


def _document(
    described: dict[str, object], plan: Plan, rows: list[report.Row], measured: dict[str, Figures]
) -> dict[str, Any]:
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": described,
        "plan": dataclasses.asdict(plan),
        "rows": [dataclasses.asdict(row) for row in rows],
        "cases": {name: measure.summary(figures) for name, figures in measured.items()},
    }


def main() -> int:
    """Measure, print the tables, write the files; return the exit status."""
    arguments = _arguments()
    plan = _plan(arguments)
    load_tool.build()
    machine.allow_open_files(8192)
    versions = dict(pair for kind in arguments.kinds for pair in KINDS[kind].versions().items())
    described = machine.describe(versions)
    try:
        with machine.pinned(machine.LOAD_CORE):
            measured = _measure(arguments.case or NAMES, arguments.kinds, plan)
    except (servers.ServerFailed, measure.WrongAnswer, load_tool.LoadFailed) as failure:
        print(failure, file=sys.stderr)
        return 1
    columns = measure.labels(arguments.kinds)
    rows = _rows(report.Judge(arguments.kinds, columns), measured)
    table = report.main_table(columns, rows)
    note = report.caption(described, dataclasses.asdict(plan))
    print(f"{table}\n\n{report.detail_table(measured)}\n\n{note}")
    output = _output(arguments)
    output.parent.mkdir(parents=True, exist_ok=True)
    document = _document(described, plan, rows, measured)
    output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if arguments.readme:
        report.write_readme(servers.ROOT / "README.md", f"{table}\n\n{note}")
    if arguments.plots:
        import plots

        for reason in plots.publish(document):
            print(f"not drawn: {reason}", file=sys.stderr)
    errors = sum(sum(figures.errors.values()) for figures in measured.values())
    if errors:
        print(f"{errors} requests were not answered well", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
