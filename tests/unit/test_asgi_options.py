"""_asgi_options: the version of ASGI and the extensions, from an option to the scope."""

from typing import Any

import pytest
from core_server import END, GET, START, serving
from loop_runner import run

from fasterapi_asgi import Config
from fasterapi_asgi._asgi_options import EXTENSIONS, core_asgi_options
from fasterapi_asgi.errors import ClientDisconnected, OptionError

EARLY_HINT, PATHSEND, TRAILERS, _ = EXTENSIONS


def options_of(**options: Any) -> dict[str, Any]:
    return core_asgi_options(Config("module:app", log_config=None, **options))


def test_the_defaults_are_uvicorns() -> None:
    expected = {"spec_version": "2.3", "disconnect_error": None, "extensions": ()}
    assert options_of() == expected


def test_2_4_raises_when_the_peer_is_gone() -> None:
    found = options_of(asgi_spec="2.4")
    assert (found["spec_version"], found["disconnect_error"]) == ("2.4", ClientDisconnected)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("all", EXTENSIONS),
        ("", ()),
        ([], ()),
        (PATHSEND, (PATHSEND,)),
        (f"{TRAILERS}, {EARLY_HINT},", (EARLY_HINT, TRAILERS)),
        ([TRAILERS, PATHSEND, TRAILERS], (PATHSEND, TRAILERS)),
        ((EARLY_HINT,), (EARLY_HINT,)),
    ],
)
def test_extensions_are_given_by_name(given: Any, names: tuple[str, ...]) -> None:
    assert options_of(asgi_extensions=given)["extensions"] == names


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"asgi_spec": "3.0"}, "'3.0'"),
        ({"asgi_spec": 2.4}, "2.4"),
        ({"asgi_extensions": "http.response.push"}, "'http.response.push'"),
        ({"asgi_extensions": f"{PATHSEND},x"}, "'x'"),
        ({"asgi_extensions": 5}, "'5'"),
        ({"asgi_extensions": [5]}, "[5]"),
    ],
    ids=repr,
)
def test_what_does_not_exist_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError) as caught:
        options_of(**options)
    assert named in str(caught.value)


def test_the_core_refuses_an_extension_that_it_does_not_know() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="unknown extension 'x'"):
            async with serving(extensions=(EARLY_HINT, "x")):
                pass

    run(main)


def test_each_request_has_extensions_of_its_own() -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append(scope["extensions"])
        scope["extensions"][PATHSEND]["mine"] = 1
        await send(START)
        await send(END)

    async def main() -> None:
        async with serving(app, extensions=(PATHSEND,)) as place:
            await place.ask()
            await place.ask()

    run(main)
    assert seen[0] is not seen[1]
    assert seen == [{PATHSEND: {"mine": 1}}] * 2


def test_an_early_hint_has_no_default_fields_and_no_access_record() -> None:
    records: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await send({"type": EARLY_HINT, "links": [b"</a>"]})
        await send(START)
        await send(END)

    async def main() -> bytes:
        async with serving(
            app, extensions=(EARLY_HINT,), default_headers=[(b"server", b"x")]
        ) as place:
            place.core.set_access_log(lambda *record: records.append(record))
            return await place.ask(GET)

    assert run(main).startswith(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ndate: "
    )
    assert [record[-1] for record in records] == [200]


class ClosingPath:
    """A path that closes the server while it is read."""

    def __init__(self, core: Any) -> None:
        self.core = core

    def __fspath__(self) -> str:
        self.core.abort()
        return __file__


@pytest.mark.parametrize(
    "messages",
    [
        lambda core: [{"type": EARLY_HINT, "links": (core.abort() or b"x" for _ in "a")}],
        lambda core: [START, {"type": PATHSEND, "path": ClosingPath(core)}],
        lambda core: [
            {**START, "trailers": True},
            END,
            {"type": TRAILERS, "headers": (core.abort() or (b"a", b"b") for _ in "a")},
        ],
    ],
    ids=["links", "path", "trailers"],
)
def test_a_message_that_closes_the_server_while_it_is_read_is_no_harm(messages: Any) -> None:
    servers: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        for message in messages(servers[0].core):
            await send(message)

    async def main() -> None:
        async with serving(app, extensions=EXTENSIONS) as place:
            servers.append(place)
            assert b"HTTP/1.1 103" not in await place.ask()

    run(main)
