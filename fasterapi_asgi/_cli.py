"""fasterapi_asgi._cli: the table of command line options. Names, types and defaults are uvicorn's.

Each option may also come from the environment, as ``FASTERAPI_ASGI_<PARAMETER>`` or, if that is not
set, as ``UVICORN_<PARAMETER>``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fasterapi_asgi._asgi_options import SPEC_VERSIONS
from fasterapi_asgi._log_config import LOG_LEVELS
from fasterapi_asgi._options import NOT_BUILT
from fasterapi_asgi.config import INTERFACES, LIFESPAN

Function = TypeVar("Function", bound=Callable[..., Any])

_PREFIXES = ("FASTERAPI_ASGI_", "UVICORN_")
_EXISTING_PATH = click.Path(exists=True)
_WHOM_TO_BELIEVE = (
    "The proxies to believe: addresses, networks or literals, comma separated, or '*' for all."
    "  [default: $FORWARDED_ALLOW_IPS, else 127.0.0.1,::1]"
)
_CONNECTIONS = "Connections at once; more wait.  [default: the limit of open files less 64]"

_NATIVE = "Answer METHOD PATH=LIB.so:SYMBOL, or all of LIB.so, in C; may be repeated."
_SPEC = "ASGI version; from 2.4 on send() raises OSError when the peer is gone."

_TABLE = "fasterapi-asgi"

_SWITCH = object()  # a flag without a value and without a --no- twin

# (flag, type: None for text, bool for a pair of switches, default, help)
_SERVED: tuple[tuple[str, Any, Any, str], ...] = (
    ("--host", None, "127.0.0.1", "Listen on this address or host name."),
    ("--port", int, 8000, "Listen on this port; 0 picks a free one."),
    ("--uds", None, None, "Listen on this unix socket instead."),
    ("--fd", int, None, "Listen on this inherited, bound socket instead."),
    ("--backlog", int, 2048, "Connections that may wait to be accepted."),
    ("--loop", None, "auto", "Event loop: auto, none, asyncio, uvloop, zuvloop or MODULE:FACTORY."),
    ("--lifespan", click.Choice(list(LIFESPAN)), "auto", "Tell APP of start and stop."),
    ("--interface", click.Choice(INTERFACES), "auto", "Interface of APP; auto finds it out."),
    ("--env-file", _EXISTING_PATH, None, "Read environment variables for APP from this file."),
    ("--log-config", _EXISTING_PATH, None, "Configure logging from this .json, .yaml or .ini."),
    ("--log-level", click.Choice(list(LOG_LEVELS)), None, "Log level.  [default: info]"),
    ("--access-log/--no-access-log", bool, True, "Log each response."),
    ("--use-colors/--no-use-colors", bool, None, "Colour the log; else on a terminal only."),
    ("--proxy-headers/--no-proxy-headers", bool, True, "Believe X-Forwarded-Proto and -For."),
    ("--forwarded-allow-ips", None, None, _WHOM_TO_BELIEVE),
    ("--server-header/--no-server-header", bool, True, "Send a Server header."),
    ("--date-header/--no-date-header", bool, True, "Send a Date header."),
    ("--header", None, [], "Send NAME:VALUE in every response; may be repeated."),
    ("--root-path", None, "", "Path under which APP is mounted (ASGI root_path)."),
    ("--limit-concurrency", int, None, "Answer 503 from so many connections or tasks on."),
    ("--limit-max-requests", int, None, "Stop after so many requests."),
    ("--limit-max-requests-jitter", int, 0, "Add up to so many to that limit, by chance."),
    ("--timeout-keep-alive", int, 5, "Seconds an idle connection is kept."),
    ("--timeout-graceful-shutdown", int, None, "Seconds the stop waits; else for ever."),
    ("--timeout-first-byte", float, 10.0, "Seconds until a connection's first byte; 0: no limit."),
    ("--timeout-request-head", float, 10.0, "Seconds a request's head may take; 0: no limit."),
    ("--timeout-request-body", float, 30.0, "Seconds a body may be silent; 0: no limit."),
    ("--timeout-write", float, 30.0, "Seconds a peer may take nothing of a response; 0: no limit."),
    ("--min-data-rate", int, 240, "Bytes per second, on average, of a body or response; 0: none."),
    ("--limit-request-target", int, 8192, "Bytes of a request target, else 414."),
    ("--limit-request-field", int, 16384, "Bytes of one header field, else 431."),
    ("--limit-request-fields", int, 100, "Header fields of a request, else 431."),
    ("--limit-request-head", int, 65536, "Bytes of request line and fields, else 431."),
    ("--limit-request-body", int, None, "Bytes of a request body, else 413."),
    ("--limit-requests-per-connection", int, None, "Close a connection after so many."),
    ("--limit-connections", int, None, _CONNECTIONS),
    ("--limit-connections-per-address", int, None, "Connections of one address; more are closed."),
    ("--asgi-spec", click.Choice(SPEC_VERSIONS), "2.3", _SPEC),
    ("--asgi-extensions", None, None, "Extensions to offer APP: 'all', or names, comma separated."),
    ("--health-path", None, None, "Answer this path by 200 while the process lives."),
    ("--ready-path", None, None, "Answer this path by 200 when ready, by 503 when draining."),
    ("--metrics-path", None, None, "Answer this path by counters and times, for Prometheus."),
    ("--admin-bind", None, None, "Answer these paths on HOST:PORT or unix:PATH only."),
    ("--cache", None, (), "Cache a response: 'GET /path [max-age=60 ...]'; may be repeated."),
    ("--cache-bytes", int, 16777216, "Memory for cached responses; 0: none is cached."),
    ("--native", None, None, _NATIVE),
    ("--app-dir", None, "", "Look for APP in this folder; by default in the current one."),
    ("--factory", _SWITCH, False, "APP is a function that returns the application."),
)

_NOT_BUILT_TYPES: dict[str, Any] = {
    "reload": _SWITCH,
    "reload_delay": float,
    "workers": int,
    "timeout_worker_healthcheck": int,
    "http2": _SWITCH,
    "h11_max_incomplete_event_size": int,
    "ws_max_size": int,
    "ws_max_queue": int,
    "ws_ping_interval": float,
    "ws_ping_timeout": float,
    "ws_per_message_deflate": click.BOOL,
    "ssl_version": int,
    "ssl_cert_reqs": int,
    "reset_contextvars": _SWITCH,
}
_REPEATED = {  # flags whose parameter is a plural
    "--cache": "cache",
    "--header": "headers",
    "--native": "native",
    "--reload-dir": "reload_dirs",
    "--reload-include": "reload_includes",
    "--reload-exclude": "reload_excludes",
}
_NOT_BUILT_FLAGS = tuple(option for option in NOT_BUILT if option.is_flag)


def _environment(name: str) -> list[str]:
    return [prefix + name.upper() for prefix in _PREFIXES]


def _option(flag: str, kind: Any, default: Any, text: str | None) -> Callable[[Function], Function]:
    name = flag.partition("/")[0].removeprefix("--").replace("-", "_")
    name = _REPEATED.get(flag, name)
    settings: dict[str, Any] = {"envvar": _environment(name), "help": text, "hidden": text is None}
    if kind is _SWITCH:
        settings["is_flag"] = True
    elif kind is not bool:
        settings.update(type=kind, show_default=default not in (None, "", [], ()))
    return click.option(flag, name, default=default, multiple=flag in _REPEATED, **settings)


def options(function: Function) -> Function:
    """Put uvicorn's options on a command; those that are not built yet are hidden in its help."""
    for option in reversed(_NOT_BUILT_FLAGS):
        default = [] if option.flag in _REPEATED else option.accepted[0]
        function = _option(option.flag, _NOT_BUILT_TYPES.get(option.name), default, None)(function)
    for row in reversed(_SERVED):
        function = _option(*row)(function)
    return click.argument("app", envvar=_environment("app"))(function)


def project_defaults(path: Path, command: click.Command) -> dict[str, Any]:
    """Return what a pyproject.toml says in ``[tool.fasterapi-asgi]``, by parameter.

    A key is an option's long flag without its dashes, or the parameter's name; the command line and
    the environment come first.

    Raises:
        click.ClickException: the file is no TOML, or a key is no option.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get(_TABLE, {})
    except (FileNotFoundError, PermissionError):
        return {}
    except ValueError as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise click.ClickException(f"{path}: [tool.{_TABLE}] is no table.")
    known = {
        flag.removeprefix("--"): option.name for option in command.params for flag in option.opts
    }
    known |= {option.name: option.name for option in command.params}
    if unknown := set(table) - set(known):
        raise click.ClickException(f"{path}: [tool.{_TABLE}] has no option {min(unknown)!r}.")
    return {known[key] or key: value for key, value in table.items()}


def split_headers(headers: tuple[str, ...]) -> list[tuple[str, str]]:
    """Split ``NAME:VALUE`` at the first colon; the value keeps its blanks, as in uvicorn.

    Raises:
        click.ClickException: there is no colon, or a character that no header can carry.
    """
    pairs = []
    for header in headers:
        name, colon, value = header.partition(":")
        if not (colon and name and _is_latin1(header)):
            problem = f"{header!r} must be NAME:VALUE in latin-1."
            raise click.ClickException(f"Invalid value for '--header': {problem}")
        pairs.append((name, value))
    return pairs


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def version_text() -> str:
    """Return the line that --version prints."""
    import platform

    from fasterapi_asgi._core import versions
    from fasterapi_asgi._version import __version__

    inside = versions()
    python = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    )
    libraries = f"libuv {inside['libuv']}, llhttp {inside['llhttp']}"
    return f"Running fasterapi-asgi {__version__} with {python}, {libraries}"
