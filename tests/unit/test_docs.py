"""The documents say what is true: links resolve, examples are well-formed, named tests exist."""

import ast
import re
import runpy
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fasterapi_asgi.main import main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# `tests/unit/test_x.py::test_y`, or `tests/….cpp` "a case" and `tests/corpus/….md` "A heading"
NAMED_TEST = re.compile(r'`(tests/[\w/.-]+)(?:::(\w+))?`(?: "([^"]+)")?')
# A row whose last column neither names a test nor says by a dash that there is none.
LAST_COLUMN = re.compile(r"^\|.*\| ([^|]*) \|$", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for path in DOCUMENTS:
        for found, text in FENCED.findall(path.read_text()):
            if found == language:
                yield path, text


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_to_files(path: Path) -> None:
    text = FENCED.sub("", path.read_text())
    targets = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    missing = [target for target in targets if target and not (path.parent / target).exists()]
    assert not missing, f"{name_of(path)} links to what does not exist: {missing}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_tables_have_rows_of_one_width(path: Path) -> None:
    tables = re.findall(r"(?:^\|.*\|$\n?)+", FENCED.sub("", path.read_text()), re.MULTILINE)
    for table in tables:
        widths = {len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, f"{name_of(path)}: rows of different width in\n{table}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_no_document_names_a_place_of_one_machine(path: Path) -> None:
    assert not re.findall(r"/(?:work|root|home|tmp)/\w", path.read_text())


def test_python_examples_are_python() -> None:
    for _, text in blocks("python"):
        ast.parse(text)


def test_shell_examples_are_shell() -> None:
    for path, text in blocks("sh"):
        checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert checked.returncode == 0, f"{name_of(path)}: {checked.stderr}"


def test_commands_in_examples_exist() -> None:
    verbs = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    flags = {
        flag
        for parameter in main.params
        if isinstance(parameter, click.Option)
        for flag in [*parameter.opts, *parameter.secondary_opts]
    }
    for _, text in blocks("sh"):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["make"]:
                assert set(words[1:]) <= verbs, line
            if words[:1] == ["fasterapi-asgi"]:
                assert {word for word in words if word.startswith("--")} <= flags, line


def test_the_differences_name_tests_that_exist() -> None:
    text = (ROOT / "docs/reference/differences.md").read_text()
    for file, function, case in NAMED_TEST.findall(text):
        path = ROOT / file
        assert path.exists(), f"{file} does not exist"
        source = path.read_text()
        if function:
            assert re.search(rf"^(async )?def {function}\(", source, re.M), f"{file}::{function}"
        elif path.suffix == ".cpp":
            assert f'TEST_CASE("{case}"' in source, f'{file} "{case}"'
        else:
            assert f"\n## {case}\n" in source, f'{file} "{case}"'


def test_every_difference_names_its_test_or_a_dash() -> None:
    text = (ROOT / "docs/reference/differences.md").read_text()
    columns = [column for column in LAST_COLUMN.findall(text) if column not in ("test", "---")]
    assert len(columns) > 40
    assert not [column for column in columns if column != "–" and not NAMED_TEST.search(column)]


def test_the_settings_are_those_of_the_command() -> None:
    make = runpy.run_path(str(ROOT / "docs/reference/make_settings.py"))
    text = make["PAGE"].read_text()
    assert make["page"](text) == text, "run: python docs/reference/make_settings.py"


@pytest.mark.parametrize("name", ["benchmark", "loop benchmark"])
def test_the_readme_has_a_place_for_the_figures(name: str) -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index(f"<!-- {name} table -->") < text.index(f"<!-- /{name} table -->")
