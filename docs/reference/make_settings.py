"""docs/reference/make_settings.py: writes the tables of settings.md from the command itself.

`python docs/reference/make_settings.py` after an option has changed; tests/unit/test_docs.py says
when it is needed.
"""

from collections.abc import Iterable
from pathlib import Path

import click

from fasterapi_asgi._options import NOT_BUILT
from fasterapi_asgi.main import main

PAGE = Path(__file__).with_name("settings.md")
SERVED = ("<!-- served -->", "<!-- /served -->")
REFUSED = ("<!-- refused -->", "<!-- /refused -->")


def _text(value: object) -> str:
    """The default in words; click's mark for "nothing" and empty values are no default."""
    if value is True or value is False:
        return "on" if value else "off"
    is_empty = value is None or value in ("", [], ()) or "UNSET" in repr(value)
    return "–" if is_empty else f"`{value}`"


def _flags(option: click.Option) -> str:
    return " / ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])


def _variable(option: click.Option) -> str:
    names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or [])
    return f"`{names[-1]}`" if names else "–"


def _options() -> list[click.Option]:
    return [parameter for parameter in main.params if isinstance(parameter, click.Option)]


def _table(head: str, rows: Iterable[str]) -> str:
    rule = "|" + " --- |" * (head.count("|") - 1)
    return "\n".join([head, rule, *rows])


def served_table() -> str:
    """What works, in the order of --help."""
    rows = (
        f"| {_flags(option)} | {_variable(option)} | {_text(option.default)} | {option.help} |"
        for option in _options()
        if not option.hidden
    )
    return _table("| flag | environment | default | meaning |", rows)


def refused_table() -> str:
    """What uvicorn has and is refused here."""
    known = {option.name: option for option in _options()}
    rows = []
    for option in NOT_BUILT:
        values = ", ".join(f"`{value!r}`" for value in option.accepted)
        flag = known.get(option.name)
        variable = _variable(flag) if flag is not None and flag.hidden else "–"
        rows.append(f"| `{option.flag}` | {variable} | {values} | {option.remedy} |")
    return _table("| option | environment | taken | what to do instead |", rows)


def page(text: str) -> str:
    """The page with its tables made anew."""
    for (begin, end), table in ((SERVED, served_table()), (REFUSED, refused_table())):
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
