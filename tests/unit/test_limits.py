"""_limits: the options that bound a peer, and what the core gets of them."""

import re
import resource
from pathlib import Path
from typing import Any

import pytest

from fasterapi_asgi import Config
from fasterapi_asgi._core import HttpServer
from fasterapi_asgi._limits import core_limits
from fasterapi_asgi.errors import OptionError

ROOT = Path(__file__).resolve().parents[2]


def limits_of(**options: Any) -> dict[str, int | None]:
    return core_limits(Config("module:app", log_config=None, **options))


def test_the_defaults_are_the_cores() -> None:
    text = (ROOT / "csrc/base/limits.hpp").read_text()
    core: dict[str, int | None] = {
        name: None if value == "kUnlimited" else eval(value.replace("'", ""))
        for name, value in re.findall(r"^  std::size_t (\w+) =\s*([^;]+);", text, re.M)
    }
    ours = limits_of()
    assert ours.pop("connections") != core.pop("connections")
    assert ours == {name: core[name] for name in ours}


@pytest.mark.parametrize(
    ("option", "value", "name", "core"),
    [
        ("timeout_first_byte", 2.5, "first_byte_ms", 2500),
        ("timeout_request_head", 0.0001, "head_ms", 1),
        ("timeout_request_body", 0, "body_idle_ms", None),
        ("timeout_write", None, "write_idle_ms", None),
        ("min_data_rate", 0, "bytes_per_second", 0),
        ("min_data_rate", None, "bytes_per_second", 0),
        ("limit_request_body", 10, "body_bytes", 10),
        ("limit_request_head", 0, "head_bytes", 2**30),
        ("limit_connections", 7, "connections", 7),
        ("limit_connections", 0, "connections", None),
    ],
)
def test_an_option_reaches_the_core(
    option: str, value: float | None, name: str, core: int | None
) -> None:
    assert limits_of(**{option: value})[name] == core


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout_write", -1),
        ("timeout_write", 1e10),
        ("timeout_write", float("nan")),
        ("limit_request_head", 2**31),
        ("limit_connections", "many"),
        ("min_data_rate", -1),
    ],
)
def test_what_is_no_limit_is_named(option: str, value: object) -> None:
    with pytest.raises(OptionError, match=rf"^{option} {value!r} must be a number, 0 or more"):
        limits_of(**{option: value})


def test_connections_leave_descriptors_for_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(1000, 4000), (10, 4000), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: found.pop(0))
    assert [limits_of()["connections"] for _ in range(3)] == [936, 1, None]


def test_the_core_knows_no_other_limits() -> None:
    arguments: dict[str, Any] = dict.fromkeys(("loop", "app", "run_asgi", "logger"))
    for limits, error in [({"x": 1}, TypeError), ({1: 1}, TypeError), ([], TypeError)]:
        with pytest.raises(error):
            HttpServer(**arguments, state={}, limits=limits)  # type: ignore[arg-type]
