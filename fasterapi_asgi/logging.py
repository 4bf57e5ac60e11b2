"""fasterapi_asgi.logging: the formatters of uvicorn's log lines and the TRACE level.

Log configurations name these classes as strings, and applications subclass them: names and
    attributes are interface.
"""

import http
import logging
import sys
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, ClassVar, Literal

TRACE_LOG_LEVEL = 5

_FOREGROUND = {
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "cyan": 36,
    "bright_red": 91,
    "bright_white": 97,
}


def style(text: object, *, fg: str | None = None, bold: bool = False) -> str:
    """Put ANSI escapes around a text: a foreground colour of the table above, or bold."""
    codes = ([_FOREGROUND[fg]] if fg else []) + ([1] if bold else [])
    return "".join(f"\x1b[{code}m" for code in codes) + f"{text}\x1b[0m"


class ColourizedFormatter(logging.Formatter):
    """Adds ``%(levelprefix)s``: level name, colon and padding; prefers ``record.color_message``.

    Args:
        fmt, datefmt, style: As for :class:`logging.Formatter`.
        use_colors: True, False, or None: colours if stdout is a terminal. uvicorn's --use-colors.
    """

    level_name_colors: ClassVar[dict[int, Callable[[str], str]]] = {
        TRACE_LOG_LEVEL: partial(style, fg="blue"),
        logging.DEBUG: partial(style, fg="cyan"),
        logging.INFO: partial(style, fg="green"),
        logging.WARNING: partial(style, fg="yellow"),
        logging.ERROR: partial(style, fg="red"),
        logging.CRITICAL: partial(style, fg="bright_red"),
    }

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        self.use_colors = sys.stdout.isatty() if use_colors is None else use_colors
        super().__init__(fmt=fmt, datefmt=datefmt, style=style)

    def color_level_name(self, level_name: str, level_no: int) -> str:
        """Return the name in its level's colour, or as it is for a level without one."""
        colour = self.level_name_colors.get(level_no)
        return colour(level_name) if colour else level_name

    def should_use_colors(self) -> bool:
        """Say whether colours suit the stream; kept for subclasses, :attr:`use_colors` decides."""
        return True

    def formatMessage(self, record: logging.LogRecord) -> str:
        record = copy(record)
        name = record.levelname
        padding = " " * (8 - len(name))
        if self.use_colors:
            name = self.color_level_name(name, record.levelno)
            if "color_message" in record.__dict__:
                record.msg = record.__dict__["color_message"]
                record.message = record.getMessage()
        record.__dict__["levelprefix"] = f"{name}:{padding}"
        return super().formatMessage(record)


class DefaultFormatter(ColourizedFormatter):
    """The formatter of everything but access records."""

    def should_use_colors(self) -> bool:
        return sys.stderr.isatty()


class AccessFormatter(ColourizedFormatter):
    """Adds ``%(client_addr)s``, ``%(request_line)s`` and ``%(status_code)s`` (with its phrase).

    The record's args must be (client_addr, method, path_with_query, http_version, status).
    """

    status_code_colours: ClassVar[dict[int, Callable[[str], str]]] = {
        1: partial(style, fg="bright_white"),
        2: partial(style, fg="green"),
        3: partial(style, fg="yellow"),
        4: partial(style, fg="red"),
        5: partial(style, fg="bright_red"),
    }

    def get_status_code(self, status_code: int) -> str:
        """Return ``"404 Not Found"``, coloured by class; the phrase of an odd status is empty."""
        try:
            phrase = http.HTTPStatus(status_code).phrase
        except ValueError:
            phrase = ""
        text = f"{status_code} {phrase}"
        colour = self.status_code_colours.get(status_code // 100) if self.use_colors else None
        return colour(text) if colour else text

    def formatMessage(self, record: logging.LogRecord) -> str:
        record = copy(record)
        args: tuple[Any, ...] = record.args  # type: ignore[assignment]
        client_addr, method, full_path, http_version, status_code = args
        request_line = f"{method} {full_path} HTTP/{http_version}"
        if self.use_colors:
            request_line = style(request_line, bold=True)
        record.__dict__.update(
            client_addr=client_addr,
            request_line=request_line,
            status_code=self.get_status_code(int(status_code)),
        )
        return super().formatMessage(record)
