"""fasterapi_asgi.logging: the same lines as uvicorn's formatters, colours on and off."""

import io
import logging
import sys
from typing import Any, ClassVar

import pytest
import uvicorn.logging as theirs

import fasterapi_asgi.logging as ours

DEFAULT = "%(levelprefix)s %(message)s"
ACCESS = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'
LEVELS = (5, 10, 20, 25, 30, 40, 50)
STATUSES = (100, 101, 150, 200, 204, 299, 301, 404, 418, 500, 503, 599, 0, 99, 600, 1000)


def record_of(level: int = logging.INFO, *args: Any, **extra: Any) -> logging.LogRecord:
    record = logging.LogRecord("uvicorn.error", level, __file__, 1, "hello %s", args, None)
    record.__dict__.update(extra)
    return record


@pytest.mark.parametrize("use_colors", [True, False])
@pytest.mark.parametrize("level", LEVELS)
def test_a_line_of_any_level_is_uvicorns(level: int, use_colors: bool) -> None:
    for extra in ({}, {"color_message": "HELLO %s"}):
        record = record_of(level, "world", **extra)
        expected = theirs.DefaultFormatter(DEFAULT, use_colors=use_colors).format(record)
        assert ours.DefaultFormatter(DEFAULT, use_colors=use_colors).format(record) == expected


@pytest.mark.parametrize("use_colors", [True, False])
@pytest.mark.parametrize("status", STATUSES)
def test_an_access_line_of_any_status_is_uvicorns(status: int, use_colors: bool) -> None:
    args = ("::1:5", "GET", "/a%20b?q=1", "1.1", status)
    record = logging.LogRecord(
        "uvicorn.access", 20, __file__, 1, '%s - "%s %s HTTP/%s" %d', args, None
    )
    expected = theirs.AccessFormatter(ACCESS, use_colors=use_colors).format(record)
    assert ours.AccessFormatter(ACCESS, use_colors=use_colors).format(record) == expected


def test_formatting_leaves_the_record_as_it_was() -> None:
    record = record_of(logging.INFO, "world", color_message="HELLO %s")
    before = dict(record.__dict__)
    ours.DefaultFormatter(DEFAULT, use_colors=True).format(record)
    message = record.__dict__.pop("message")
    assert (record.__dict__, message) == (before, "hello world")


@pytest.mark.parametrize("terminal", [True, False])
def test_without_a_word_on_colours_stdout_decides(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    monkeypatch.setattr(sys, "stdout", Stream())
    assert ours.DefaultFormatter(DEFAULT).use_colors is terminal
    assert ours.AccessFormatter(ACCESS).use_colors is terminal


def test_a_subclass_may_give_other_colours_and_other_text() -> None:
    class Loud(ours.DefaultFormatter):
        level_name_colors: ClassVar = {logging.INFO: lambda name: f"<{name}>"}

        def formatMessage(self, record: logging.LogRecord) -> str:
            return super().formatMessage(record).upper()

    record = record_of(logging.INFO, "world")
    assert Loud(DEFAULT, use_colors=True).format(record) == "<INFO>:     HELLO WORLD"


@pytest.mark.parametrize("name", ["ColourizedFormatter", "DefaultFormatter", "AccessFormatter"])
def test_the_formatters_have_uvicorns_public_names(name: str) -> None:
    public = {attribute for attribute in vars(getattr(theirs, name)) if attribute[0] != "_"}
    assert public <= set(dir(getattr(ours, name)))


def test_trace_is_the_level_below_debug() -> None:
    assert ours.TRACE_LOG_LEVEL == theirs.TRACE_LOG_LEVEL
