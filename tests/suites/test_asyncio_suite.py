"""CPython's own tests for asyncio judge our loop: every test ends as it does on asyncio's loop.

One case per module of test.test_asyncio. It runs in a process of its own on our loop; what did not
pass there is repeated on asyncio's. docs/reference/loop-suites.md has the counts. Then the judge is
judged: a broken loop fails, and no test goes uncounted.
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import foreign
import judge
import pytest

ASYNCIO = foreign.SUITES["asyncio"]
MODULES = foreign.asyncio_modules()

pytestmark = [
    pytest.mark.timeout(900),  # each test of a module has a limit of its own
    pytest.mark.skipif(
        not MODULES,
        reason="this Python came without test.test_asyncio (Debian: libpython3.x-testsuite)",
    ),
]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_ends_as_on_the_loop_of_asyncio(
    module: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = judge.judge(ASYNCIO, module, tmp_path)
    record_property("suite_counts", [ASYNCIO.name, found.counts()])
    found.check()


def test_every_module_of_cpython_is_there() -> None:
    assert {"test_base_events", "test_events", "test_tasks", "test_unix_events"} <= {*MODULES}
    assert len(MODULES) >= 27, f"CPython {sys.version.split()[0]} has only {MODULES}"


def test_an_exception_has_a_reason_and_there_are_three_at_most() -> None:
    assert len(judge.EXCEPTIONS) <= 3
    assert all(len(reason.split()) > 3 for reason in judge.EXCEPTIONS.values())


def verdicts(run: foreign.Run) -> Counter[str]:
    assert run.collected
    assert {*run.results} == {*run.collected}, f"a test was lost: {run.last_words}"
    return Counter(run.verdict(test) for test in run.collected)


@pytest.mark.parametrize(
    ("module", "broken", "failures"),
    [("test_taskgroups", "TimersFireAtOnce", 5), ("test_queues", "RefusesCallSoon", 30)],
)
def test_a_broken_loop_fails_and_every_test_is_counted(
    module: str, broken: str, failures: int, tmp_path: Path
) -> None:
    sound = ASYNCIO.run(module, foreign.OURS, tmp_path)
    found = ASYNCIO.run(module, f"broken_loops:{broken}", tmp_path)
    assert not verdicts(sound)["not"]
    assert verdicts(found)["not"] >= failures
    assert found.collected == sound.collected


@pytest.mark.parametrize("broken", ["Hangs", "Dies"])
def test_behind_a_test_that_ends_the_process_the_others_run(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "LIMIT_S", 2.0)
    chosen = ASYNCIO.run("test_queues", foreign.OURS, tmp_path).collected[:3]
    found = ASYNCIO.run("test_queues", f"broken_loops:{broken}", tmp_path, only=chosen)
    assert [found.results[test]["outcome"] for test in chosen] == ["crash"] * 3


def test_on_the_loop_of_asyncio_nothing_is_substituted(tmp_path: Path) -> None:
    assert ASYNCIO.run("test_queues", foreign.OURS, tmp_path).looped() > 40
    found = ASYNCIO.run("test_queues", foreign.STOCK, tmp_path)
    assert not found.looped()
    assert not verdicts(found)["not"]
