"""fasterapi_asgi.native: from what is named as a handler to its address, and what is said when it
is none."""

import asyncio
import ctypes
import gc
import subprocess
import sys
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import native_build
import pytest
from core_server import GET, body_of, new_server, serving, status_of

from fasterapi_asgi import native, new_event_loop
from fasterapi_asgi.errors import OptionError
from fasterapi_asgi.native import Route, core_routes

HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
DONE, PASS, ERROR = 0, 2, 3

SOURCE = """
#include "fasterapi_native.h"
#define EXPORT __attribute__((visibility("default")))
EXPORT int answer(fa_request *request, void *user) {
  return user ? fa_body_copy(request, user, strlen(user)) : FA_DONE;
}
static const fa_route routes[] = {
  {"GET", "/one", answer, NULL, 0, 0, 0},
  {"POST", "/two/{id}", answer, (void *)"two", 5, 1500, FA_HOLDS_GIL},
  {"*", "/three", answer, NULL, UINT64_MAX, FA_NO_TIMEOUT, 0},
};
FA_PLUGIN(routes);
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return native_build.build(SOURCE, tmp_path_factory.mktemp("library"))


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(native, "_registered", [])
    monkeypatch.setattr(native, "_served", False)
    return


def address_in(library: Path) -> int:
    return ctypes.cast(ctypes.CDLL(str(library)).answer, ctypes.c_void_p).value or 0


def only(given: Route | str) -> tuple[Any, ...]:
    """The one route as the core gets it, without what keeps it alive."""
    (found,) = core_routes([given])
    return found[:-1]


def capsule(pointer: int, name: bytes, context: int | None = None) -> Any:
    python = ctypes.pythonapi
    made = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        ("PyCapsule_New", python)
    )(pointer, name, None)
    if context:
        ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(
            ("PyCapsule_SetContext", python)
        )(made, context)
    return made


NAME = native.CAPSULE.encode()  # a capsule does not copy it


def test_a_symbol_of_a_library_has_its_address(library: Path) -> None:
    wanted = ("GET", "/a", address_in(library), 0, 0, 30.0, False)
    assert only(Route("GET", "/a", f"{library}:answer")) == wanted
    assert only(f"GET /a={library}:answer") == wanted
    assert only(f"* /a={library}:answer")[0] == "*"


def test_a_library_brings_its_routes(library: Path) -> None:
    address = address_in(library)
    one, two, three = core_routes([str(library)])
    assert one[:-1] == ("GET", "/one", address, 0, 0, 30.0, False)
    assert two[:3] == ("POST", "/two/{id}", address) and two[4:-1] == (5, 1.5, True)
    assert ctypes.string_at(two[3]) == b"two"
    assert three[:-1] == ("*", "/three", address, 0, 2**63 - 1, None, False)


def test_a_library_is_looked_for_where_the_process_is(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(library.parent)
    assert only(f"GET /a={library.name}:answer")[2] == address_in(library)


def test_pointers_of_ctypes_are_called_with_the_gil_unless_said_otherwise(library: Path) -> None:
    made = HANDLER(lambda _request, _user: DONE)
    address = ctypes.cast(made, ctypes.c_void_p).value
    assert only(Route("GET", "/a", made))[2] == address
    assert only(Route("GET", "/a", made))[-1] is True
    assert only(Route("GET", "/a", made, gil="released"))[-1] is False
    assert only(Route("GET", "/a", ctypes.CDLL(str(library)).answer))[-1] is True
    assert only(Route("GET", "/a", f"{library}:answer", gil="held"))[-1] is True


def test_other_things_with_an_address_are_taken() -> None:
    assert only(Route("GET", "/a", 4096))[2:4] == (4096, 0)
    assert only(Route("GET", "/a", types.SimpleNamespace(address=4096)))[2] == 4096  # numba's
    assert only(Route("GET", "/a", ctypes.c_void_p(4096)))[2] == 4096
    assert only(Route("GET", "/a", capsule(4096, NAME)))[2:4] == (4096, 0)
    assert only(Route("GET", "/a", capsule(4096, NAME, 8192)))[2:4] == (4096, 8192)
    assert only(Route("GET", "/a", capsule(4096, NAME, 8192), user=1))[2:4] == (4096, 1)


def test_pointers_of_cffi_are_taken() -> None:
    cffi = pytest.importorskip("cffi", reason="cffi is not installed")
    ffi = cffi.FFI()
    made = ffi.callback("int(void *, void *)", lambda _request, _user: DONE)
    found = only(Route("GET", "/a", made))
    assert found[2] == int(ffi.cast("uintptr_t", made)) and found[-1] is True


def test_the_user_pointer_may_be_an_object_of_ctypes() -> None:
    buffer = ctypes.create_string_buffer(b"user")
    assert only(Route("GET", "/a", 1, user=buffer))[3] == ctypes.addressof(buffer)
    pointer = ctypes.cast(buffer, ctypes.c_void_p)
    assert only(Route("GET", "/a", 1, user=pointer))[3] == ctypes.addressof(buffer)
    assert only(Route("GET", "/a", 1, user=77))[3] == 77


def test_what_was_registered_comes_behind_the_options() -> None:
    native.route("get", "/registered", 2)
    given = core_routes([Route("GET", "/given", 1)])
    assert [found[:3] for found in given] == [("GET", "/given", 1), ("GET", "/registered", 2)]


def test_a_plugin_may_be_registered(library: Path) -> None:
    native.plugin(library)
    assert len(core_routes(None)) == 3


def test_routes_are_fixed_once_a_server_has_started() -> None:
    assert core_routes(None) == ()
    for add in (lambda: native.route("GET", "/a", 1), lambda: native.plugin("a.so")):
        with pytest.raises(RuntimeError, match="A server has started"):
            add()


def test_the_header_is_where_it_is_said_to_be() -> None:
    text = (Path(native.get_include()) / "fasterapi_native.h").read_text()
    assert f"#define FA_ABI {native.ABI}u" in text


# --- what cannot be used

OTHER_ABI = """
#include "fasterapi_native.h"
FA_EXPORT const fa_plugin fa_plugin_v1 = {FA_ABI + 1, sizeof(fa_plugin), sizeof(fa_route), 0, NULL};
FA_EXPORT int answer(fa_request *request, void *user) { return request && user; }
"""
NO_PLUGIN = """
#include "fasterapi_native.h"
FA_EXPORT int answer(fa_request *request, void *user) { return request && user; }
"""
NO_HANDLER = """
#include "fasterapi_native.h"
static const fa_route routes[] = {{"GET", "/", NULL, NULL, 0, 0, 0}};
FA_PLUGIN(routes);
"""


def refused(given: Any, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        core_routes([given])


def test_a_library_of_another_abi_is_refused(tmp_path: Path) -> None:
    path = native_build.build(OTHER_ABI, tmp_path)
    for given in (str(path), f"GET /a={path}:answer"):
        refused(given, "was built for ABI 2 of fasterapi_native.h, this server has 1")


def test_a_library_without_routes_is_refused(tmp_path: Path) -> None:
    path = native_build.build(NO_PLUGIN, tmp_path)
    refused(str(path), "exports no fa_plugin_v1")
    assert only(f"GET /a={path}:answer")


def test_a_route_without_a_handler_is_refused(tmp_path: Path) -> None:
    refused(str(native_build.build(NO_HANDLER, tmp_path)), "route 0 lacks method, path or handler")


def test_what_cannot_be_found_is_named(library: Path) -> None:
    refused("GET /a=./absent.so:answer", "'./absent.so' cannot be loaded: .*absent.so")
    refused("absent.so", "'absent.so' cannot be loaded")
    refused(f"GET /a={__file__}:answer", "cannot be loaded")
    refused(f"GET /a={library}:absent", "has no symbol 'absent'")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("GET /a", "must be 'METHOD PATH=LIBRARY:SYMBOL' or 'LIBRARY'"),
        ("GET /a=./a.so", "'./a.so' must be 'LIBRARY:SYMBOL'"),
        (3, "neither a Route nor"),
        (Route("GET", "/a", object()), "has no address"),
        (Route("GET", "/a", 1, user="text"), "user: 'text' has no address"),
        (Route("GET", "/a", lambda: None), "has no address"),
    ],
)
def test_what_names_no_handler_is_refused(given: Any, match: str) -> None:
    refused(given, match)


def test_a_capsule_of_another_name_is_refused() -> None:
    name = b"fasterapi.handler.v2"
    refused(Route("GET", "/a", capsule(1, name)), "is not named 'fasterapi.handler.v1'")


@pytest.mark.parametrize("arguments", [{"method": "GET /"}, {"method": ""}, {"gil": "none"}])
def test_a_route_knows_its_method_and_its_gil(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is no method|gil must be"):
        Route(**{"method": "GET", "path": "/", "target": 1, **arguments})


# --- the core


def make_with(given: Any) -> None:
    async def make() -> None:
        new_server(native=given)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(make())


BAD: list[tuple[list[Route], str]] = [
    ([Route("GET", "a", 1)], "native path 'a': a path begins with a slash"),
    ([Route("GET", "/{a", 1)], "'{' is not closed"),
    ([Route("GET", "/a", 1), Route("GET", "/a", 2)], "route GET /a is there twice"),
    ([Route("GET", "/a", 0)], "the handler's address is null"),
    ([Route("GET", "/a", 1, max_body=-1)], "max_body must not be negative"),
    ([Route("GET", "/a", 1, timeout=-1)], "timeout must be a number of seconds"),
]


@pytest.mark.parametrize(("routes", "match"), BAD, ids=[match for _, match in BAD])
def test_the_core_refuses_what_is_no_route(routes: list[Route], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make_with(core_routes(routes))


@pytest.mark.parametrize("given", [[], "x", ("x",), (("GET",),)])
def test_the_core_refuses_other_types(given: Any) -> None:
    with pytest.raises(TypeError):
        make_with(given)


def test_a_handler_may_close_its_server() -> None:
    """It is called between two turns' work, so it may do what any callback may."""

    async def main() -> bytes:
        async with serving(native=routes) as place:
            cores.append(place.core)
            return await place.ask()

    @HANDLER
    def close(_request: int, _user: int) -> int:
        cores[0].close()
        return DONE

    cores: list[Any] = []
    routes = core_routes([Route("GET", "/", close)])
    assert asyncio.run(main()) == b""


def test_an_exception_in_a_handler_of_python_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda given: seen.append(given.exc_value))

    async def main() -> bytes:
        async with serving(native=core_routes([Route("GET", "/", HANDLER(fail))])) as place:
            return await place.ask()

    def fail(_request: int, _user: int) -> int:
        raise ValueError("mine")

    # What ctypes returns then is not defined.
    assert status_of(asyncio.run(main())) in {200, 500}
    assert str(seen[0]) == "mine"


def test_the_application_answers_what_is_passed_on() -> None:
    async def main() -> bytes:
        routes = core_routes([Route("*", "/{all:path}", HANDLER(lambda *_: PASS))])
        async with serving(native=routes) as place:
            return await place.ask(GET)

    assert body_of(asyncio.run(main())) == b"ok"


def test_a_server_keeps_its_handlers_alive_and_lets_them_go() -> None:
    class Kept:
        pass

    async def main() -> "weakref.ref[Kept]":
        kept = Kept()
        core: Any = None

        def answer(_request: int, _user: int, _kept: Kept = kept) -> int:
            return DONE if core else ERROR  # a cycle: the handler knows its server

        core = new_server(native=core_routes([Route("GET", "/", HANDLER(answer))]))
        return weakref.ref(kept)

    found = asyncio.run(main())
    gc.collect()
    assert found() is None


def test_a_bad_handler_ends_the_command_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("async def app(scope, receive, send): ...\n")
    command = [sys.executable, "-m", "fasterapi_asgi", "app:app", "--native", "GET /a=./no.so:x"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "native './no.so' cannot be loaded" in ended.stderr
    assert "Traceback" not in ended.stderr
