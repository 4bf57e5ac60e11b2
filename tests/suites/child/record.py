"""What a child process writes down about the tests of one file, line by line.

A line is JSON: {"collected": [ids]}, {"start": id}, {"end": id, "outcome": …} or, when the process
ends as it should, {"done": true}. Who reads them learns what happened even if it dies on the way.
"""

import atexit
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from substitute import substitute

STOCK = "stock"
LOOP = os.environ.get("SUITE_LOOP", STOCK)
# A copy from before pytest captures: a process that is ended says there where it stood.
ERRORS = os.dup(2)


class Record:
    """The log of this process: which tests to run, what became of each.

    The environment says which loop (SUITE_LOOP), where the log is (SUITE_LOG), how many seconds a
    test may take (SUITE_LIMIT_S) and, in a file, which tests alone to run (SUITE_ONLY).
    """

    def __init__(self) -> None:
        path = Path(os.environ["SUITE_LOG"])
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self._known = {line[key] for line in lines for key in ("start", "end") if key in line}
        only = os.environ.get("SUITE_ONLY")
        self._only = None if only is None else set(json.loads(Path(only).read_text()))
        self._limit_s = float(os.environ["SUITE_LIMIT_S"])
        self._log = path.open("a")
        self._process = os.getpid()
        atexit.register(self._done)  # called when all threads have ended
        self._loops: Callable[[], int] = lambda: 0
        if LOOP != STOCK:
            stand_in = substitute(LOOP)
            self._loops = lambda: stand_in.made

    def wants(self, test: str) -> bool:
        """Whether to run the test: asked for, and not known from a process that died."""
        return test not in self._known and (self._only is None or test in self._only)

    def collected(self, tests: list[str]) -> None:
        """Write down every test of the file, wanted or not."""
        self._write(collected=tests)

    def start(self, test: str) -> None:
        """Write down that the test begins; it ends in time or the process does."""
        self._end_in_time()
        self._loops_before, self._began = self._loops(), time.monotonic()
        self._write(start=test)

    def end(self, test: str, outcome: str, detail: str = "") -> None:
        """Write down what became of the test: ok, fail, error or skip."""
        self._end_in_time()
        seconds = round(time.monotonic() - self._began, 3)
        loops = self._loops() - self._loops_before
        self._write(end=test, outcome=outcome, loops=loops, seconds=seconds, detail=detail)

    def outside(self, test: str, outcome: str, detail: str) -> None:
        """Write down what happened outside a test, in a fixture of a class or at import."""
        self._write(end=test, outcome=outcome, loops=0, seconds=0, detail=detail)

    def _end_in_time(self) -> None:
        faulthandler.dump_traceback_later(self._limit_s, exit=True, file=ERRORS)

    def _done(self) -> None:
        if os.getpid() == self._process:  # not a child that was forked
            self._write(done=True)

    def _write(self, **line: Any) -> None:
        print(json.dumps(line), file=self._log, flush=True)


faulthandler.enable(file=ERRORS)
# A shell starts its background jobs with SIGINT ignored; a test that interrupts itself then waits.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:] = [entry for entry in sys.path if entry]  # never what lies in the working directory
