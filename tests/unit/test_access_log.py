"""fasterapi_asgi._access_log: lines made in C++ are the formatter's; filters see everything."""

import io
import logging
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from fake_core import FakeHttpServer

from fasterapi_asgi._access_log import choose_access_log, logger
from fasterapi_asgi.config import Config
from fasterapi_asgi.logging import AccessFormatter

RECORDS = [
    (client, method, path, version, status)
    for client in ("127.0.0.1:5", "::1:40000", "")
    for method, path, version in (
        ("GET", "/", "1.1"),
        ("OPTIONS", "*", "1.0"),
        ("POST", '/a%20b?q="x" HTTP/1.1" 200 OK', "1.1"),
    )
    for status in (100, 101, 150, 200, 204, 299, 301, 404, 418, 500, 503, 599)
]


def as_core(settings: dict[str, Any], records: list[Any]) -> str:
    """Format records as _core.pyi says that the compiled server does."""
    before_request, after_request = settings["request_style"]
    lines = []
    for client, method, path, version, status in records:
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        before, after = settings["status_styles"][status // 100 - 1]
        request = f'"{before_request}{method} {path} HTTP/{version}{after_request}"'
        lines.append(
            f"{settings['prefix']} {client} - {request} {before}{status} {phrase}{after}\n"
        )
    return "".join(lines)


def choose(**options: Any) -> FakeHttpServer:
    config = Config("app:app", **options)
    core: Any = FakeHttpServer()
    choose_access_log(core, config.access_log)
    return core  # type: ignore[no-any-return]


def writer_of(core: FakeHttpServer) -> dict[str, Any]:
    assert core.access_log is not None
    record, settings = core.access_log
    assert record is None and "write" in settings
    return settings


def makes_records(core: FakeHttpServer) -> bool:
    return core.access_log is not None and callable(core.access_log[0])


@pytest.mark.parametrize("use_colors", [True, False])
def test_every_line_is_the_one_the_formatter_would_print(
    use_colors: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = writer_of(choose(use_colors=use_colors))
    for record in RECORDS:
        logger.info('%s - "%s %s HTTP/%s" %d', *record)
    expected = capsys.readouterr().out
    settings["write"](as_core(settings, RECORDS))
    assert capsys.readouterr().out == expected
    assert expected.count("\n") == len(RECORDS)


def test_without_access_log_nothing_is_made() -> None:
    assert choose(access_log=False).access_log == (None, {})


def test_without_any_handler_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logger.propagate = True
    assert choose(log_config=None).access_log == (None, {})


def add_filter() -> None:
    logger.addFilter(lambda _: True)


def add_handler_filter() -> None:
    logger.handlers[0].addFilter(lambda _: True)


def add_handler() -> None:
    logger.addHandler(logging.NullHandler())


def replace_handler() -> None:
    class Handler(logging.StreamHandler[Any]):
        pass

    logger.handlers = [Handler(sys.stdout)]
    logger.handlers[0].setFormatter(AccessFormatter(use_colors=False))


def replace_formatter() -> None:
    logger.handlers[0].setFormatter(logging.Formatter("%(message)s"))


def change_format() -> None:
    logger.handlers[0].setFormatter(AccessFormatter("%(client_addr)s", use_colors=False))


def raise_level() -> None:
    logger.setLevel(logging.WARNING)


def raise_handler_level() -> None:
    logger.handlers[0].setLevel(logging.WARNING)


def propagate() -> None:
    logger.propagate = True


ATTACHED = [
    add_filter,
    add_handler_filter,
    add_handler,
    replace_handler,
    replace_formatter,
    change_format,
    raise_level,
    raise_handler_level,
    propagate,
]


@pytest.mark.parametrize("attach", ATTACHED, ids=lambda attach: attach.__name__)
def test_anything_but_the_stock_set_up_makes_records(attach: Callable[[], None]) -> None:
    Config("app:app")
    logging.getLogger().addHandler(marker := logging.NullHandler())  # for what propagates
    try:
        attach()
        core: Any = FakeHttpServer()
        choose_access_log(core)
        assert makes_records(core)
    finally:
        logging.getLogger().removeHandler(marker)


def test_a_log_record_factory_makes_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "_logRecordFactory", type("Record", (logging.LogRecord,), {}))
    assert makes_records(choose())


def test_disabled_logging_makes_records() -> None:
    logging.disable(logging.INFO)
    try:
        assert makes_records(choose())
    finally:
        logging.disable(logging.NOTSET)


def test_a_record_has_uvicorns_message_and_arguments() -> None:
    core = choose(log_config=None)
    seen: list[logging.LogRecord] = []
    logger.addHandler(logging.NullHandler())
    logger.addFilter(lambda record: bool(seen.append(record)))
    logger.setLevel(logging.INFO)
    choose_access_log(core)  # type: ignore[arg-type]
    assert core.access_log is not None
    core.access_log[0]("1.2.3.4:5", "GET", "/x?y", "1.1", 404)
    [record] = seen
    assert (record.name, record.levelname) == ("uvicorn.access", "INFO")
    assert record.msg == '%s - "%s %s HTTP/%s" %d'
    assert record.args == ("1.2.3.4:5", "GET", "/x?y", "1.1", 404)
    assert record.getMessage() == '1.2.3.4:5 - "GET /x?y HTTP/1.1" 404'


@pytest.mark.parametrize("use_colors", [True, False])
def test_a_filter_added_later_sees_every_record_from_then_on(
    use_colors: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    core = choose(use_colors=use_colors)
    settings = writer_of(core)
    seen: list[Any] = []
    logger.addFilter(lambda record: bool(seen.append(record.args)))
    settings["write"](as_core(settings, RECORDS))
    assert seen == RECORDS
    assert makes_records(core)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("attach", ATTACHED, ids=lambda attach: attach.__name__)
def test_whatever_is_attached_later_ends_the_writing_of_lines(attach: Callable[[], None]) -> None:
    core = choose(use_colors=False)
    settings = writer_of(core)
    logging.getLogger().addHandler(marker := logging.NullHandler())
    try:
        attach()
        settings["write"](as_core(settings, RECORDS[:1]))
        assert makes_records(core)
    finally:
        logging.getLogger().removeHandler(marker)


def test_a_change_of_colours_later_ends_the_writing_of_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    core = choose(use_colors=False)
    settings = writer_of(core)
    logger.handlers[0].formatter.use_colors = True  # type: ignore[union-attr]
    settings["write"](as_core(settings, RECORDS[:1]))
    assert makes_records(core)
    assert "\x1b[1mGET" in capsys.readouterr().out


def test_a_stream_set_later_is_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    settings = writer_of(choose(use_colors=False))
    handler: Any = logger.handlers[0]
    handler.setStream(other := io.StringIO())
    settings["write"]("line\n")
    assert (other.getvalue(), capsys.readouterr().out) == ("line\n", "")


def test_a_stream_that_fails_is_reported_as_logging_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = writer_of(choose(use_colors=False))
    handler: Any = logger.handlers[0]
    closed = io.StringIO()
    closed.close()
    handler.setStream(closed)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    settings["write"](as_core(settings, RECORDS[:1]))
    assert "--- Logging error ---" in capsys.readouterr().err


def test_a_renamed_level_is_printed_and_taken_apart(capsys: pytest.CaptureFixture[str]) -> None:
    logging.addLevelName(logging.INFO, "NOTE")
    try:
        core = choose(use_colors=False)
        settings = writer_of(core)
        settings["write"](as_core(settings, RECORDS[:1]))
        assert capsys.readouterr().out.startswith("NOTE:     127.0.0.1:5 - ")
        seen: list[Any] = []
        logger.addFilter(lambda record: bool(seen.append(record.args)))
        settings["write"](as_core(settings, RECORDS[:1]))
        assert seen == RECORDS[:1]
    finally:
        logging.addLevelName(logging.INFO, "INFO")
