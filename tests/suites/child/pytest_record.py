"""`pytest -p pytest_record FILE`: a suite that runs under pytest; see record.py."""

import gc
import sys
import warnings

import pytest
from record import Record


def drop_what_a_failure_holds() -> None:
    """Collect what the traceback kept open; else a later test is told of an unclosed resource."""
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            delattr(sys, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


class Recorder:
    """Passes on what pytest says of each test."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._outcome = "ok"

    @pytest.hookimpl(trylast=True)  # after -k
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._record.collected([item.nodeid for item in items])
        items[:] = [item for item in items if self._record.wants(item.nodeid)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._record.outside(report.nodeid, "error", report.longreprtext)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self._outcome in ("fail", "error"):
            drop_what_a_failure_holds()
        self._outcome, self._detail = "ok", ""
        self._record.start(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._outcome = "fail" if report.when == "call" else "error"
            self._detail += report.longreprtext
        elif report.skipped and self._outcome == "ok":
            self._outcome, self._detail = "skip", str(report.longrepr)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._record.end(nodeid, self._outcome, self._detail)


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    early_config.pluginmanager.register(Recorder(Record()))
