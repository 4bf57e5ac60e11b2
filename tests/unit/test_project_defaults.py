"""The table [tool.fasterapi-asgi] of pyproject.toml: defaults for the command line."""

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fasterapi_asgi

main = fasterapi_asgi.main
main_module = sys.modules["fasterapi_asgi.main"]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What run() is given by a command in an empty folder."""
    caught: dict[str, Any] = {}

    def run(app: str, **options: Any) -> None:
        caught.update(options, app=app)

    monkeypatch.setattr(main_module, "run", run)
    monkeypatch.chdir(tmp_path)
    return caught


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["module:app", *arguments])


def write(text: str) -> None:
    Path("pyproject.toml").write_text(text, encoding="utf-8")


def test_options_may_stand_there(given: dict[str, Any]) -> None:
    write(
        "[tool.fasterapi-asgi]\nport = 9000\nlimit-concurrency = 5\naccess-log = false\n"
        'cache = ["GET /a", "GET /b max-age=5"]\nheader = ["x-a:b"]\nroot_path = "/r"\n'
    )
    assert invoke().exit_code == 0
    assert (given["port"], given["limit_concurrency"]) == (9000, 5)
    assert given["access_log"] is False
    assert list(given["cache"]) == ["GET /a", "GET /b max-age=5"]
    assert given["headers"] == [("x-a", "b")]
    assert given["root_path"] == "/r"


def test_the_command_line_and_the_environment_come_first(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[tool.fasterapi-asgi]\nport = 9000\nhost = "there"\ncache = ["GET /a"]\n')
    monkeypatch.setenv("UVICORN_HOST", "environment")
    assert invoke("--port", "9001", "--cache", "GET /b").exit_code == 0
    assert (given["port"], given["host"]) == (9001, "environment")
    assert list(given["cache"]) == ["GET /b"]


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[tool.other]\nport = 1\n"])
def test_a_file_without_the_table_changes_nothing(text: str, given: dict[str, Any]) -> None:
    assert invoke().exit_code == 0
    plain = dict(given)
    write(text)
    assert invoke().exit_code == 0
    assert given == plain


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tool.fasterapi-asgi]\nportt = 1\n", "has no option 'portt'"),
        ("[tool.fasterapi-asgi\n", "cannot be read"),
        ('[tool.fasterapi-asgi]\nport = "x"\n', "'x' is not a valid integer"),
        ("[tool]\nfasterapi-asgi = 5\n", "is no table"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, problem: str, given: dict[str, Any]) -> None:
    write(text)
    result = invoke()
    assert result.exit_code != 0
    assert problem in result.output
    assert not given


def test_an_option_that_is_not_built_is_refused_there_too(given: dict[str, Any]) -> None:
    write("[tool.fasterapi-asgi]\nworkers = 4\n")
    result = invoke()
    assert result.exit_code == 2 and not given
    assert "--workers is not supported yet" in result.output
