"""fasterapi_asgi._probes: the paths that the server itself answers, as the core takes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fasterapi_asgi.errors import OptionError

if TYPE_CHECKING:
    from fasterapi_asgi.config import Config

# Each with the core's name.
_OPTIONS = {"health_path": "health", "ready_path": "ready", "metrics_path": "metrics"}
_PATH = re.compile(r"/[!-~]*")  # what a request line can hold
_NOT_OF_A_PATH = frozenset("?#")


def core_probes(config: Config) -> dict[str, str]:
    """Return the paths of a configuration as the core's ``HttpServer`` takes them.

    Raises:
        OptionError: what is given is no path, or the path of another option; or ``admin_bind`` has
            nothing to answer.
    """
    paths: dict[str, str] = {}
    owners: dict[str, str] = {}
    for option, name in _OPTIONS.items():
        if not (path := getattr(config, option)):
            continue
        if not (
            isinstance(path, str) and _PATH.fullmatch(path) and _NOT_OF_A_PATH.isdisjoint(path)
        ):
            raise OptionError(
                f"{option} {path!r} is no path: give one that begins with a slash, as it stands "
                "in a request and without a query, such as '/-/live'."
            )
        if (owner := owners.setdefault(path, option)) != option:
            raise OptionError(f"{option} {path!r} is also {owner}: give each a path of its own.")
        paths[name] = path
    if config.admin_bind and not paths:
        raise OptionError(
            f"admin_bind {config.admin_bind!r} has nothing to answer: give health_path, "
            "ready_path or metrics_path, too, or leave it out."
        )
    return paths
