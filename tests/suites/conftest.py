"""For the suites of others: collected only when they are named; a table of counts at the end."""

import platform
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
COUNTS = ("passed", "not", "skipped", "looped")


def named(config: pytest.Config) -> bool:
    """Whether an argument leads into this folder, rather than `tests` or nothing at all."""
    arguments = [Path(arg.partition("::")[0]) for arg in config.args]
    places = [(config.invocation_params.dir / argument).resolve() for argument in arguments]
    return any(place == HERE or HERE in place.parents for place in places)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    inside = HERE in collection_path.resolve().parents
    # What lies deeper is for child processes.
    deeper = inside and collection_path.resolve().parent != HERE
    return True if deeper or (inside and not named(config)) else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    totals: dict[str, Counter[str]] = {}
    unsteady: dict[str, str] = {}
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "suite_counts" and report.when == "call":
                suite, counts = value
                unsteady |= counts.pop("unsteady")
                totals.setdefault(suite, Counter()).update(counts)
    if not totals:
        return
    terminalreporter.section(f"suites of others on our loop, CPython {platform.python_version()}")
    terminalreporter.write_line(f"{'suite':10}" + "".join(f"{name:>9}" for name in COUNTS))
    for suite, counts in sorted(totals.items()):
        numbers = "".join(f"{counts[name]:9}" for name in COUNTS)
        terminalreporter.write_line(f"{suite:10}{numbers}")
    terminalreporter.write_line("'not' failed on asyncio's own loop as well, here and now")
    for test, first in unsteady.items():
        terminalreporter.write_line(f"as on asyncio's loop only when repeated: {test}: {first}")
