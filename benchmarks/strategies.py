"""Measure what each idea for a fast server gives: `python benchmarks/strategies.py --only pooling`.

An idea is switched off, or on, in the extension's sources, which are compiled aside; see
benchmarks/README.md. docs/explanation/strategies.md tells what came out.
"""

import argparse
import datetime
import json
import platform
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from strategy import handover, interpreters
from strategy.meters import Effort
from strategy.server_cases import SERVER_STRATEGIES
from strategy.table import Table
from suite import load_tool, machine
from suite.kinds import BENCHMARKS

OTHERS = {"queue": handover.tables, "interpreters": interpreters.tables}
NAMES = (*SERVER_STRATEGIES, *OTHERS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="only this; repeatable")
    parser.add_argument("--quick", action="store_true", help="a smoke test, no measurement")
    parser.add_argument("--requests", type=int, help="counted under valgrind (1200)")
    parser.add_argument("--output", type=Path, help="the JSON file to write")
    return parser.parse_args()


def _measure(name: str, effort: Effort, quick: bool) -> list[Table]:
    if name in OTHERS:
        return OTHERS[name](quick)
    with machine.pinned(machine.LOAD_CORE):
        return SERVER_STRATEGIES[name](effort, quick)


def _output(arguments: argparse.Namespace) -> Path:
    if arguments.output:
        return Path(arguments.output)
    stem = f"{datetime.date.today()}-py{platform.python_version()}-strategies"
    if arguments.only:
        stem += "-" + "-".join(arguments.only)
    return BENCHMARKS / "results" / f"{stem}{'-quick' if arguments.quick else ''}.json"


def main() -> int:
    """Measure, print the tables, write the file; return the exit status."""
    arguments = _arguments()
    effort = Effort.quick() if arguments.quick else Effort()
    if arguments.requests:
        effort = Effort(effort.warmup, arguments.requests, effort.plan)
    load_tool.build()
    measured: dict[str, list[dict[str, Any]]] = {}
    document = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "strategies": measured,
    }
    output = _output(arguments)
    output.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or NAMES:
        tables = _measure(name, effort, arguments.quick)
        for table in tables:
            print(f"{table.markdown()}\n", flush=True)
        measured[name] = [
            {"title": table.title, "header": table.header, "lines": table.figures}
            for table in tables
        ]
        # After each: whoever ends an hour's run early keeps what there is.
        output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
