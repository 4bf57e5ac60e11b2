"""fasterapi_asgi._access_log: decides what an access record becomes.

With uvicorn's stock set-up the compiled server formats the lines itself and hands over all lines of
a loop's turn at once. As soon as anything else is attached to ``uvicorn.access`` (a filter, another
handler or formatter, a LogRecord factory) each response makes a genuine LogRecord. The set-up is
compared before every batch is written, so a change counts from the batch on that is written after
it: that batch's lines are taken apart and logged as records.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TextIO, TypeAlias

from fasterapi_asgi.logging import AccessFormatter, style

if TYPE_CHECKING:
    from fasterapi_asgi._core import HttpServer

STOCK_FORMAT = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'
RECORD_FORMAT = '%s - "%s %s HTTP/%s" %d'
_CLASSES = (1, 2, 3, 4, 5)
_ESCAPES = re.compile("\x1b\\[\\d+m")
_LINE = re.compile(
    r'(?P<client>.*?) - "(?P<method>\S+) (?P<path>.*) HTTP/(?P<version>[\d.]+)" (?P<status>\d+) '
)

StreamHandler: TypeAlias = "logging.StreamHandler[TextIO]"
Record: TypeAlias = tuple[str, str, str, str, int]

logger = logging.getLogger("uvicorn.access")


def choose_access_log(core: HttpServer, enabled: bool = True) -> None:
    """Tell the compiled server what becomes of access records: nothing, lines or LogRecords.

    Args:
        core: The server.
        enabled: uvicorn's --access-log.
    """
    if not enabled or not logger.hasHandlers():
        core.set_access_log()
    elif (handler := _stock_handler()) is not None:
        _LineWriter(core, handler).install()
    else:
        core.set_access_log(make_record)


def make_record(
    client_addr: str, method: str, path_with_query: str, http_version: str, status: int
) -> None:
    """Log one response as uvicorn does; filters read ``record.args`` by position."""
    logger.info(RECORD_FORMAT, client_addr, method, path_with_query, http_version, status)


def _stock_handler() -> StreamHandler | None:
    """Return the handler of ``uvicorn.access`` if records are just written to its stream."""
    if len(logger.handlers) != 1 or logger.filters or not logger.isEnabledFor(logging.INFO):
        return None
    handler = logger.handlers[0]
    formatter = handler.formatter
    stock = (
        type(handler) is logging.StreamHandler
        and type(formatter) is AccessFormatter
        and formatter._fmt == STOCK_FORMAT
        and not handler.filters
        and handler.level <= logging.INFO
        and handler.terminator == "\n"
        and not _propagates()
        and type(logger) is logging.Logger
        and logging.getLogRecordFactory() is logging.LogRecord
    )
    return handler if stock else None  # type: ignore[return-value]


def _propagates() -> bool:
    ancestor: logging.Logger | None = logger
    while ancestor is not None and ancestor.propagate:
        ancestor = ancestor.parent
        if ancestor is not None and ancestor.handlers:
            return True
    return False


class _LineWriter:
    """Writes the compiled server's lines to the stock handler's stream while that is right."""

    def __init__(self, core: HttpServer, handler: StreamHandler) -> None:
        assert isinstance(handler.formatter, AccessFormatter)
        self._core = core
        self._handler = handler
        self._formatter = handler.formatter
        self._use_colors = handler.formatter.use_colors
        self._level_name = logging.getLevelName(logging.INFO)
        self._padding = " " * (8 - len(self._level_name))

    def install(self) -> None:
        """Make the compiled server format and hand over lines."""
        colours, formatter = self._use_colors, self._formatter
        name = (
            formatter.color_level_name(self._level_name, logging.INFO)
            if colours
            else self._level_name
        )
        self._core.set_access_log(
            write=self.write,
            prefix=f"{name}:{self._padding}",
            request_style=_ends(partial(style, bold=True)) if colours else ("", ""),
            status_styles=[
                _ends(formatter.status_code_colours.get(n) if colours else None) for n in _CLASSES
            ],
        )

    def write(self, lines: str) -> None:
        """Write finished lines, or log them one by one if the set-up is no longer the same."""
        if not self._is_stock():
            self._core.set_access_log(make_record)
            for args in self.parse(lines):
                make_record(*args)
            return
        handler = self._handler
        try:
            with handler.lock:  # type: ignore[union-attr]
                handler.stream.write(lines)
                handler.flush()
        except Exception:  # whatever it is, StreamHandler.emit reports it this way
            args = next(self.parse(lines))
            record = logger.makeRecord(
                logger.name, logging.INFO, __file__, 0, RECORD_FORMAT, args, None
            )
            handler.handleError(record)

    def _is_stock(self) -> bool:
        formatter = self._formatter
        same = self._handler.formatter is formatter and formatter.use_colors is self._use_colors
        return same and _stock_handler() is self._handler

    def parse(self, lines: str) -> Iterator[Record]:
        """Take finished lines apart again."""
        start = len(self._level_name) + 1 + len(self._padding) + 1  # "INFO:     "
        for line in _ESCAPES.sub("", lines).split("\n"):
            found = _LINE.match(line, start)
            if found is not None:
                yield (
                    found["client"],
                    found["method"],
                    found["path"],
                    found["version"],
                    int(found["status"]),
                )


def _ends(colour: Callable[[str], str] | None) -> tuple[str, str]:
    """Return what a styling function puts before and after a text."""
    before, _, after = colour("\0").partition("\0") if colour else ("", "", "")
    return before, after
