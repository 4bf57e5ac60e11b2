"""fasterapi_asgi._log_config: the logging set-up of a server, stock or the user's own."""

from __future__ import annotations

import logging
import logging.config
import os
from configparser import RawConfigParser
from pathlib import Path
from typing import IO, Any

from fasterapi_asgi.errors import OptionError
from fasterapi_asgi.logging import TRACE_LOG_LEVEL

LOG_LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}

LOGGING_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {
            "()": "fasterapi_asgi.logging.DefaultFormatter",
            "fmt": "%(levelprefix)s %(message)s",
            "use_colors": None,
        },
        "access": {
            "()": "fasterapi_asgi.logging.AccessFormatter",
            "fmt": '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s',
        },
    },
    "handlers": {
        "default": {
            "formatter": "default",
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
        },
        "access": {
            "formatter": "access",
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
        },
    },
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}


def apply_log_config(
    log_config: dict[str, Any] | str | os.PathLike[str] | RawConfigParser | IO[Any],
    use_colors: bool | None,
) -> None:
    """Configure logging with a dict, a file's path, a ConfigParser or an open ini file.

    Args:
        log_config: A path that ends in .json, .yaml or .yml holds a dict; any other one is an ini
            file.
        use_colors: True or False is written into the formatters ``default`` and ``access`` of a
            dict; None is not.

    Raises:
        OptionError: the file cannot be used.
    """
    if isinstance(log_config, dict):
        if use_colors is not None:
            for name in ("default", "access"):
                log_config.get("formatters", {}).get(name, {})["use_colors"] = use_colors
        logging.config.dictConfig(log_config)
    elif isinstance(log_config, (str, os.PathLike)):
        _read(Path(log_config))
    else:
        logging.config.fileConfig(log_config, disable_existing_loggers=False)


def _read(path: Path) -> None:
    try:
        if path.suffix == ".json":
            import json

            logging.config.dictConfig(json.loads(path.read_text()))
        elif path.suffix in (".yaml", ".yml"):
            import yaml

            logging.config.dictConfig(yaml.safe_load(path.read_text()))
        else:
            logging.config.fileConfig(path, disable_existing_loggers=False)
    except ModuleNotFoundError as error:
        raise OptionError(
            f"--log-config {str(path)!r} needs a module: {error}. Install it with pip."
        ) from error
    except Exception as error:  # configparser, json, yaml and logging.config raise many kinds
        reason = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
        raise OptionError(
            f"--log-config {str(path)!r} cannot be used: {reason}."
            " Give a .json or .yaml file for dictConfig, or an .ini file."
        ) from error


def numeric_log_level(level: str | int) -> int:
    """Return the number of a level; names in any case.

    Raises:
        OptionError: there is no such name.
    """
    if not isinstance(level, str):
        return level
    try:
        return LOG_LEVELS[level.lower()]
    except KeyError:
        names = ", ".join(LOG_LEVELS)
        raise OptionError(
            f"log_level {level!r} does not exist: give a number or one of {names}."
        ) from None
