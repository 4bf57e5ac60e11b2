"""Runs one module of CPython's test.test_asyncio: `run_unittest.py test_tasks`; see record.py."""

import sys
import traceback
import unittest
from collections.abc import Iterator
from typing import Any

from record import Record


class Result(unittest.TestResult):
    """Passes on what unittest says of each test."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record
        self._started = False
        self._forget()

    def _forget(self) -> None:
        self._outcome, self._detail = "ok", ""

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._forget()
        self._started = True
        self._record.start(test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        if not self._started:  # 3.12.1 skips a test without having started it
            self._record.start(test.id())
        self._record.end(test.id(), self._outcome, self._detail)
        self._started = False
        self._forget()

    def _note(self, outcome: str, test: unittest.TestCase, detail: str) -> None:
        if isinstance(test, unittest.suite._ErrorHolder):  # setUpClass, setUpModule
            self._record.outside(test.id(), outcome, detail)
        elif self._outcome not in ("fail", "error"):
            self._outcome, self._detail = outcome, detail

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self._note("error", test, "".join(traceback.format_exception(*err)))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note("fail", test, "".join(traceback.format_exception(*err)))

    def addSubTest(self, test: unittest.TestCase, _subtest: unittest.TestCase, err: Any) -> None:
        if err:
            self.addFailure(test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._note("skip", test, reason)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._note("fail", test, "unexpected success")

    def died(self, test: unittest.TestCase) -> None:
        """Note what a test raised around its run: there IsolatedAsyncioTestCase makes its loop."""
        self.startTest(test)
        self.addError(test, sys.exc_info())
        self.stopTest(test)


def call(test: unittest.TestCase, result: Result) -> None:
    """Run the test; whatever happens, the next one runs as well."""
    try:
        test.run(result)
    except Exception:
        result.died(test)


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The tests of a suite of suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main(module: str) -> None:
    """Run the tests of the module that the record wants."""
    record = Record()
    unittest.TestCase.__call__ = call  # type: ignore[assignment, method-assign]
    tests = list(flatten(unittest.TestLoader().loadTestsFromName(f"test.test_asyncio.{module}")))
    record.collected([test.id() for test in tests])
    unittest.TestSuite(test for test in tests if record.wants(test.id())).run(Result(record))


if __name__ == "__main__":  # multiprocessing imports it once more
    main(sys.argv[1])
