"""Checks of the plots: `pytest benchmarks/test_plots.py`; needs matplotlib."""

import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

pytest.importorskip("matplotlib", reason="matplotlib is not installed; it is in the extra `bench`")

import plots

LOAD = {"rps": 1000.0, "cpu_us": 10.0, "kernel_us": 4.0}
FAST = {"rps": 100.0, "cpu_us": 50.0, "kernel_us": 6.0}
BY_LOAD = {"p50_us_c1": 80.0, "p99_us_c1": 120.0, "p50_us_c64": 400.0, "p99_us_c64": 700.0}


def document(**cases: dict[str, float]) -> dict[str, Any]:
    """A result of run.py with these figures, the same for two servers."""
    machine = {"cpu": "a processor", "python": "3.11.7"}
    servers = ("fasterapi_asgi", "uvicorn")
    columns = {
        name.replace("_", "-"): {server: {"median": figures} for server in servers}
        for name, figures in cases.items()
    }
    return {"date": "2026-11-21T10:00:00+00:00", "machine": machine, "cases": columns}


WHOLE = document(hello_c64=LOAD, fastapi_dict=FAST, by_load=BY_LOAD)


def test_every_plot_is_drawn_in_both_formats(tmp_path: Path) -> None:
    assert plots.draw(WHOLE, tmp_path) == []
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{name}.{kind}" for name in plots.PLOTS for kind in ("svg", "png")}
    for path in tmp_path.glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    for path in tmp_path.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_page_shows_the_plots_that_were_drawn(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- plots table -->\nold\n<!-- /plots table -->\n\nThe end.\n")
    plots.draw(document(hello_c64=LOAD), tmp_path / "plots")
    plots.embed(tmp_path / "plots", page)
    text = page.read_text()
    assert "](plots/throughput.svg)" in text
    assert "](plots/latency.svg)" not in text
    assert "old" not in text
    assert text.endswith("The end.\n")


def test_the_documents_have_a_place_for_the_plots() -> None:
    text = (plots.FOLDER.parent / "where-time-goes.md").read_text()
    assert text.index("<!-- plots table -->") < text.index("<!-- /plots table -->")


def test_the_same_result_gives_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        plots.draw(WHOLE, tmp_path / folder)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_application_is_what_a_fastapi_case_takes_above_raw_hello() -> None:
    found = plots.medians(WHOLE)
    assert plots.parts(found, "fastapi-dict", "fast", "uvicorn") == {
        "kernel": 6.0,
        "server": 6.0,
        "application": 38.0,
    }
    assert plots.parts(found, "hello-c64", "raw", "uvicorn")["application"] == 0


def test_a_result_without_the_figures_of_a_plot_says_which_are_missing(tmp_path: Path) -> None:
    without = document(hello_c64={"rps": 1000.0, "cpu_us": 10.0})
    missing = plots.draw(without, tmp_path)
    assert [reason.partition(":")[0] for reason in missing] == ["latency", "cpu"]
    assert "kernel_us" in missing[1]
    assert {path.name for path in tmp_path.iterdir()} == {"throughput.svg", "throughput.png"}
