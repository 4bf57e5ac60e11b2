"""_probes: the paths that the server itself answers, and what the core gets of them."""

import asyncio
from typing import Any

import pytest
from core_server import serving

from fasterapi_asgi import Config
from fasterapi_asgi._core import HttpServer
from fasterapi_asgi._probes import core_probes
from fasterapi_asgi.errors import OptionError


def probes_of(**options: Any) -> dict[str, str]:
    return core_probes(Config("module:app", log_config=None, **options))


def test_by_default_there_are_none() -> None:
    assert probes_of() == {}
    assert probes_of(health_path="", ready_path=None) == {}


def test_each_path_reaches_the_core_under_its_name() -> None:
    assert probes_of(health_path="/-/live", ready_path="/", metrics_path="/metrics") == {
        "health": "/-/live",
        "ready": "/",
        "metrics": "/metrics",
    }


@pytest.mark.parametrize("path", ["live", "/a?b", "/a#b", "/a b", "/ä", "/a\r\n", 1])
@pytest.mark.parametrize("option", ["health_path", "ready_path", "metrics_path"])
def test_what_is_no_path_is_named(option: str, path: Any) -> None:
    with pytest.raises(OptionError, match=rf"^{option} .* is no path: give one that begins with"):
        probes_of(**{option: path})


def test_two_options_with_one_path_are_named() -> None:
    with pytest.raises(OptionError, match=r"^ready_path '/x' is also health_path: give each"):
        probes_of(health_path="/x", ready_path="/x")


@pytest.mark.parametrize("bind", ["127.0.0.1:9000", "unix:x"])
def test_an_admin_address_without_anything_to_answer_is_named(bind: str) -> None:
    text = rf"^admin_bind '{bind}' has nothing to answer: give health_path"
    with pytest.raises(OptionError, match=text):
        probes_of(admin_bind=bind)
    assert probes_of(admin_bind=bind, ready_path="/ready") == {"ready": "/ready"}


def test_only_a_server_with_admin_listens_for_it() -> None:
    async def main() -> None:
        async with serving(probes={"health": "/live"}) as place:
            with pytest.raises(RuntimeError, match=r"^the server was made without admin$"):
                place.core.listen_admin(place.sock.fileno(), 1)
            place.core.stop_listening_admin()

    asyncio.run(main())


def test_the_core_knows_no_other_probes() -> None:
    arguments: dict[str, Any] = dict.fromkeys(("loop", "app", "run_asgi", "logger"))
    for probes in ({"x": "/"}, {1: "/"}, {"health": 1}, []):
        with pytest.raises(TypeError):
            HttpServer(**arguments, state={}, probes=probes)  # type: ignore[arg-type]


def test_a_probe_is_logged_as_any_response() -> None:
    records: list[tuple[Any, ...]] = []

    async def main() -> None:
        async with serving(probes={"health": "/live"}) as place:
            place.core.set_access_log(lambda *record: records.append(record))
            raw = b"GET /live?a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
            assert (await place.ask(raw)).endswith(b"ok\n")

    asyncio.run(main())
    assert [record[1:] for record in records] == [("GET", "/live?a", "1.1", 200)]
