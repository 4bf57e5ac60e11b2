"""Checks of what measures the strategies: `pytest benchmarks/test_strategies.py`."""

import http.client
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from strategy import changes, interpreters, meters, server_cases
from strategy.table import Table
from strategy.variants import Change, StaleVariant, Variant
from suite import load_tool
from suite.measure import Figures
from suite.servers import Server


@pytest.mark.parametrize("variant", changes.VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_changes_lines_of_todays_sources(variant: Variant) -> None:
    assert len(variant.sources()) == len({change.file for change in variant.changes})


def test_no_two_variants_have_one_name_or_the_same_sources() -> None:
    assert len({variant.name for variant in changes.VARIANTS}) == len(changes.VARIANTS)
    assert len({repr(variant.sources()) for variant in changes.VARIANTS}) == len(changes.VARIANTS)


@pytest.mark.parametrize("before", ["no such line", "std::size_t"], ids=["never", "often"])
def test_a_line_that_is_not_there_once_is_named(before: str) -> None:
    variant = Variant("stale", (Change("base/limits.hpp", before, ""),))
    with pytest.raises(StaleVariant, match=f"stale: not once in base/limits.hpp: '{before}'"):
        variant.sources()


def test_the_sized_application_answers_as_many_bytes_as_it_is_asked() -> None:
    with Server("fasterapi_asgi", "sized") as server:
        for size in (0, 13, 65536):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("GET", f"/{size}")
            assert connection.getresponse().read() == b"x" * size
            connection.close()


def test_the_ratio_is_taken_within_each_round() -> None:
    figures = Figures()
    for slow in (1.0, 4.0, 10.0):
        figures.add("on", cpu_us=2 * slow)
        figures.add("off", cpu_us=3 * slow)
    assert server_cases.ratio(figures, "off", "on") == (1.5, 1.5, 1.5)


def test_whole_batches_are_counted() -> None:
    for case in server_cases.LOADS:
        run = meters.run_of(meters.Lane("x"), case, meters.Effort())
        assert run.requests % (case.load.connections * case.load.pipeline) == 0
        assert run.requests >= 4 * case.load.connections


def test_valgrinds_heap_summary_is_read() -> None:
    text = "==1==   total heap usage: 1,234 allocs, 1,200 frees, 5,678,901 bytes allocated"
    found = meters.HEAP.search(text)
    assert found is not None
    assert found.groups() == ("1,234", "5,678,901")


def test_an_interpreter_that_refuses_says_why() -> None:
    assert interpreters.importable("import json", own_gil=False) == "yes"
    refused = interpreters.importable("raise ImportError('not here')", own_gil=False)
    assert refused == "ImportError: not here"
    milliseconds, mebibytes = interpreters.cost("import json", own_gil=False)
    assert milliseconds > 0
    assert mebibytes > 0


def test_a_process_that_dies_is_reported() -> None:
    program = "import os; os.kill(os.getpid(), 9)"
    assert interpreters.importable(program, own_gil=False) == "the process dies by signal 9"


def test_a_table_keeps_its_figures_beside_its_texts() -> None:
    table = Table("title", ["case", "CPU"])
    table.add(["hello", "1.00 µs"], case="hello", cpu_us=1.0)
    assert table.markdown().splitlines()[-1] == "| hello | 1.00 µs |"
    assert table.figures == [{"case": "hello", "cpu_us": 1.0}]


def test_the_kernels_share_is_of_the_time_between_two_looks() -> None:
    assert load_tool.kernel_share((1.0, 1.0), (1.75, 1.25)) == 0.25
    assert load_tool.kernel_share((1.0, 1.0), (1.0, 1.0)) == 0
