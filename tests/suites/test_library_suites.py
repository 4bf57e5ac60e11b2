"""The tests of anyio, uvicorn and uvloop judge our loop as CPython's do in test_asyncio_suite.py.

One case per file of their source distributions, which are downloaded when the cases are collected.
"""

from collections.abc import Callable
from importlib import metadata

import foreign
import judge
import pytest
import sources

pytestmark = pytest.mark.timeout(900)  # each test of a file has a limit of its own


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "suite" in metafunc.fixturenames:
        folder = foreign.downloads()
        cases = [
            pytest.param(suite, file, id=f"{suite.name}-{file}")
            for suite in foreign.SUITES.values()
            if suite.name != "asyncio"
            for file in suite.files(folder)
        ]
        metafunc.parametrize(("suite", "file"), cases)


def test_a_file_ends_as_on_the_loop_of_asyncio(
    suite: foreign.Suite, file: str, record_property: Callable[[str, object], None]
) -> None:
    found = judge.judge(suite, file, foreign.downloads())
    record_property("suite_counts", [suite.name, found.counts()])
    found.check()


@pytest.mark.parametrize("name", ["anyio", "uvicorn", "uvloop"])
def test_the_tests_are_those_of_the_installed_release(name: str) -> None:
    assert f"{name}=={metadata.version(name)} " in sources.PINS.read_text()


@pytest.mark.parametrize(
    ("suite_name", "file"),
    [
        ("anyio", "tests/test_eventloop.py"),
        ("uvicorn", "tests/test_default_headers.py"),
        ("uvloop", "tests/test_executors.py"),
    ],
)
def test_a_broken_loop_fails(suite_name: str, file: str) -> None:
    suite = foreign.SUITES[suite_name]
    found = suite.run(file, "broken_loops:RefusesCallSoon", foreign.downloads())
    assert found.collected
    assert all(found.verdict(test) != "missing" for test in found.collected)
    assert "not" in {found.verdict(test) for test in found.collected}
