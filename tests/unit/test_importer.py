"""fasterapi_asgi.importer: uvicorn's messages, and errors of the module itself untouched."""

import os
import os.path
import sys
from pathlib import Path

import pytest
from uvicorn.importer import ImportFromStringError as TheirError
from uvicorn.importer import import_from_string as their_import

from fasterapi_asgi.importer import ImportFromStringError, import_from_string


@pytest.mark.parametrize("text", ["os:path", "os:path.join", "os.path:join"])
def test_an_import_string_leads_to_the_object(text: str) -> None:
    assert import_from_string(text) is their_import(text)


@pytest.mark.parametrize("thing", [print, 5, None, os.path])
def test_what_is_not_a_string_is_returned_as_it_is(thing: object) -> None:
    assert import_from_string(thing) is thing


@pytest.mark.parametrize(
    "text",
    ["", "os", "os:", ":path", "no_such_module:app", "os:no.such", "os:path.no", "a:b:c", "os :x"],
)
def test_a_string_that_leads_nowhere_has_uvicorns_message(text: str) -> None:
    with pytest.raises(TheirError) as theirs:
        their_import(text)
    with pytest.raises(ImportFromStringError) as ours:
        import_from_string(text)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import no_such_module_at_all", ModuleNotFoundError),
        ("raise ValueError('x')", ValueError),
        ("def x(:", SyntaxError),
    ],
)
def test_an_error_inside_the_module_is_not_hidden(
    source: str, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_app.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(kind):
        import_from_string("broken_app:app")
    assert "broken_app" not in sys.modules


def test_a_missing_package_of_a_submodule_is_reported_as_python_does() -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"):
        import_from_string("no_such_package.module:app")
