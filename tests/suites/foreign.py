"""The suites of others: which files they have, and a run of one file on one event loop."""

import importlib.util
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sources

HERE = Path(__file__).resolve().parent
STOCK = "stock"
OURS = "fasterapi_asgi:new_event_loop"
LIMIT_S = 60.0  # for one test; the longest takes 10 s


@dataclass
class Run:
    """What became of the tests of one file on one loop.

    `results` holds the line that record.py wrote at the end of each test, `last_words` the end of
    what the process printed.
    """

    collected: list[str] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_words: str = ""

    def verdict(self, test: str) -> str:
        """passed, skipped, missing where nothing is known, else not."""
        outcome = self.results[test]["outcome"] if test in self.results else "missing"
        return {"ok": "passed", "skip": "skipped", "missing": "missing"}.get(outcome, "not")

    def doubtful(self) -> list[str]:
        """The tests that did not simply pass."""
        tests = dict.fromkeys([*self.collected, *self.results])
        return [test for test in tests if self.verdict(test) != "passed"]

    def detail(self, test: str) -> str:
        """The traceback of a test that failed, the reason of one that was skipped."""
        return str(self.results[test]["detail"]) if test in self.results else self.last_words

    def looped(self) -> int:
        """In how many tests the loop was made: those that say something about it."""
        return sum(bool(line["loops"]) for line in self.results.values())


@dataclass(frozen=True)
class Suite:
    """A suite of somebody else's, with the arguments of the Python that runs a file of it."""

    name: str
    command: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    containing: str = ""

    def files(self, folder: Path) -> list[str]:
        """The files to run; `folder` is for what has to be downloaded."""
        if self.name == "asyncio":
            return asyncio_modules()
        root = sources.fetch(self.name, folder)
        found = [
            str(path.relative_to(root))
            for path in sorted(root.glob("tests/**/test_*.py"))
            if self.containing in path.read_text()
        ]
        return [name for name in found if not name.startswith(self.ignored)]

    def run(self, file: str, loop: str, folder: Path, only: Iterable[str] | None = None) -> Run:
        """Run the tests of the file on the loop of the factory `loop`, or on stock asyncio.

        After a crash or a hang the process is started anew behind the test that caused it.
        """
        root = None if self.name == "asyncio" else sources.fetch(self.name, folder)
        with tempfile.TemporaryDirectory(prefix="suite-", ignore_cleanup_errors=True) as scratch:
            log, said = Path(scratch, "log"), Path(scratch, "said")
            log.touch()
            environment = child_environment(loop, log)
            if only is not None:
                Path(scratch, "only").write_text(json.dumps(list(only)))
                environment["SUITE_ONLY"] = str(Path(scratch, "only"))
            while True:
                with said.open("wb") as output:
                    subprocess.run(
                        [sys.executable, *self.command, file],
                        cwd=root or scratch,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                    )
                lines = [json.loads(line) for line in log.read_text().splitlines()]
                last_words = said.read_text(errors="replace")[-4000:]
                if not lines or "start" not in lines[-1]:
                    return make_run(file, lines, last_words)
                crash = {"end": lines[-1]["start"], "outcome": "crash", "loops": 1}
                with log.open("a") as more:
                    print(json.dumps(crash | {"detail": last_words}), file=more)


def make_run(file: str, lines: list[dict[str, Any]], last_words: str) -> Run:
    run = Run(results={line["end"]: line for line in lines if "end" in line}, last_words=last_words)
    run.collected = next((line["collected"] for line in lines if "collected" in line), [])
    if not lines or "done" not in lines[-1]:  # died outside a test: it would do so again
        run.results[file] = {"outcome": "crash", "loops": 0, "detail": last_words}
    return run


def downloads() -> Path:
    """Where the source distributions are unpacked."""
    return Path(os.environ.get("FASTERAPI_SUITES", HERE.parents[1] / "build" / "suites")).resolve()


def asyncio_modules() -> list[str]:
    """The modules of CPython's own tests for asyncio; none where they are not installed.

    FASTERAPI_CPYTHON_TESTS names the folder that holds test_asyncio if it is not this Python's own.
    """
    elsewhere = os.environ.get("FASTERAPI_CPYTHON_TESTS")
    if elsewhere:
        paths = [str(Path(elsewhere, "test_asyncio"))]
    elif importlib.util.find_spec("test") and (
        package := importlib.util.find_spec("test.test_asyncio")
    ):
        paths = list(package.submodule_search_locations or ())
    else:
        paths = []
    names = sorted(module.name for module in pkgutil.iter_modules(paths))
    return [name for name in names if name.startswith("test_") and "windows" not in name]


def child_environment(loop: str, log: Path) -> dict[str, str]:
    dropped = ("PYTHONSAFEPATH", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "SSL_CERT_FILE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith("PYTEST_XDIST")
    }
    folders = [HERE / "child"]
    if "FASTERAPI_CPYTHON_TESTS" in kept:
        folders.append(HERE / "child" / "elsewhere")
    return kept | {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "SUITE_LOOP": loop,
        "SUITE_LOG": str(log),
        "SUITE_LIMIT_S": str(LIMIT_S),
    }


PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=0")
RECORDED = (*PYTEST, "-p", "pytest_record")
UVICORN_OPTIONS = ("-o", "addopts=--strict-markers", "-p", "anyio", "-p", "pytest_mock")
SUITES = {
    suite.name: suite
    for suite in (
        Suite("asyncio", (str(HERE / "child/run_unittest.py"),)),
        # Its own options load anyio's plugin. uvloop is a loop of its own, trio has none.
        Suite("anyio", (*RECORDED, "-k", "not uvloop and not trio")),
        Suite(
            "uvicorn",
            # Its own options want eight processes: here the files run side by side.
            (*PYTEST, *UVICORN_OPTIONS, "-p", "pytest_record", "-p", "uvicorn_tests"),
            ignored=("tests/benchmarks",),  # measures its protocol classes, no loop runs
        ),
        Suite("uvloop", (*RECORDED, "-p", "uvloop_tests"), containing="AIOTestCase"),
    )
}
