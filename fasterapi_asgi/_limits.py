"""fasterapi_asgi._limits: the options that bound what a peer may do, as the core counts them."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasterapi_asgi.errors import OptionError

if TYPE_CHECKING:
    from fasterapi_asgi.config import Config

_LARGEST_HEAD = 2**30  # the core counts the bytes of a head in 32 bits
LONGEST_S = 1e9  # some 31 years
_KEPT_DESCRIPTORS = 64  # for files, pipes and other sockets of the application


def _connections_of_this_process() -> int | None:
    """As many as there are descriptors to open, but for some that the application needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(1, soft - _KEPT_DESCRIPTORS)


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class _Limit:
    """An option and the core's limit.

    Attributes:
        option: The parameter of ``Config``; None or 0 there means that there is no limit.
        name: The core's name of the limit.
        per_unit: How many of the core's units one of the option is.
        most: The largest value of the option; without a limit the core gets this.
        default: Called for the value of an option that is None.
    """

    option: str
    name: str
    per_unit: int = 1
    most: float | None = None
    default: Callable[[], int | None] = _nothing


_LIMITS = (
    _Limit("timeout_first_byte", "first_byte_ms", 1000),
    _Limit("timeout_request_head", "head_ms", 1000),
    _Limit("timeout_request_body", "body_idle_ms", 1000),
    _Limit("timeout_write", "write_idle_ms", 1000),
    _Limit("limit_request_target", "target_bytes", most=_LARGEST_HEAD),
    _Limit("limit_request_field", "field_bytes", most=_LARGEST_HEAD),
    _Limit("limit_request_fields", "head_fields", most=_LARGEST_HEAD),
    _Limit("limit_request_head", "head_bytes", most=_LARGEST_HEAD),
    _Limit("limit_request_body", "body_bytes"),
    _Limit("limit_requests_per_connection", "requests_per_connection"),
    _Limit("limit_connections", "connections", default=_connections_of_this_process),
    _Limit("limit_connections_per_address", "connections_per_address"),
)


def core_limits(config: Config) -> dict[str, int | None]:
    """Return the limits of a configuration as the core's ``HttpServer`` takes them.

    Raises:
        OptionError: a limit is negative, too large or no number.
    """
    limits = {limit.name: _value(limit, getattr(config, limit.option)) for limit in _LIMITS}
    return limits | {"bytes_per_second": _checked("min_data_rate", config.min_data_rate, None)}


def _value(limit: _Limit, given: float | None) -> int | None:
    if given is None:
        given = limit.default()
    if not given:
        return None if limit.most is None else int(limit.most)
    most = limit.most or (LONGEST_S if limit.per_unit > 1 else None)
    return _checked(limit.option, given, most, limit.per_unit)


def _checked(option: str, value: float | None, most: float | None, per_unit: int = 1) -> int:
    value = value or 0
    try:
        if 0 <= value <= (2**63 - 1 if most is None else most):
            return max(1, int(value * per_unit)) if value else 0
    except TypeError:
        pass
    up_to = "" if most is None else f", at most {most:.0f}"
    raise OptionError(f"{option} {value!r} must be a number, 0 or more{up_to}.")
