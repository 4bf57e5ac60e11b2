"""A head that is sent again is encoded once; on the wire nobody can tell."""

import ctypes
import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest
from core_server import GET, Place, close_http_server, serving
from loop_runner import run
from starlette.datastructures import MutableHeaders

Pair = tuple[bytes, bytes]
Headers = list[Any]
BODY = {"type": "http.response.body", "body": b"hello"}
KEPT = GET.replace(b"connection: close\r\n", b"")
LENGTH = (b"content-length", b"5")
REQUESTS = {
    "GET": KEPT + GET,
    "GET and close": GET,
    "HEAD": (KEPT + GET).replace(b"GET", b"HEAD"),
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.0 keep-alive": b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" + GET,
}
HEADS = {
    "nothing about the body": [(b"X-A", b"1"), (b"x-b", b"")],
    "a length": [(b"X-A", b"1"), LENGTH, (b"x-b", b"2")],
    "a length and nothing else": [(b"Content-Length", b" 5 ")],
    "transfer-encoding": [(b"Transfer-Encoding", b"chunked"), (b"x-a", b"1")],
    "transfer-encoding and a length": [LENGTH, (b"transfer-encoding", b"chunked")],
    "connection: close": [LENGTH, (b"Connection", b"close")],
    "close among others": [(b"connection", b"x, Close"), (b"x-a", b"1")],
    "connection: keep-alive": [(b"connection", b"keep-alive"), LENGTH],
    "the same field twice": [(b"set-cookie", b"a=b")] * 2 + [LENGTH],
}


class Stage:
    """A server whose application sends one head, whatever it is by then."""

    def __init__(self, make: Callable[[], Any], status: int = 200) -> None:
        self.make, self.status = make, status
        self.place: Place

    async def app(self, _scope: Any, _receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.make()}
        await send(start)
        await send(BODY)

    async def ask(self, raw: bytes = GET) -> bytes:
        return await self.place.ask(raw)

    async def ask_anew(self, raw: bytes = GET) -> bytes:
        """The answer when the head is of objects that nobody has seen before."""
        make, self.make = self.make, lambda: copy_of(make())
        try:
            return await self.ask(raw)
        finally:
            self.make = make

    def held(self) -> list[Pair]:
        """The pairs of heads that the server holds."""
        found = gc.get_referents(self.place.core)
        return [pair for pair in found if type(pair) is tuple and type(pair[0]) is bytes]

    def holds(self, pairs: Any) -> bool:
        held = {id(pair) for pair in self.held()}
        return all(id(pair) in held for pair in pairs)

    async def is_held_soon(self, pairs: Headers, raw: bytes = GET) -> bytes:
        """Ask until the head is kept: those that had its place before outlive a few requests."""
        for _ in range(50):
            reply = await self.ask(raw)
            if self.holds(pairs):
                return reply
        raise AssertionError("the head is not kept")


def copy_of(headers: Any) -> Headers:
    return [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in headers]


def on(stage: Stage, play: Callable[[], Any]) -> None:
    """Play on a stage that is served."""

    async def main() -> None:
        async with serving(stage.app, date_header=False) as stage.place:
            await play()

    run(main)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_a_head_that_is_sent_again_is_the_same_on_the_wire(name: str, status: int) -> None:
    headers = copy_of(HEADS[name])
    stage = Stage(lambda: headers, status)

    async def play() -> None:
        expected = {raw: await stage.ask_anew(raw) for raw in REQUESTS.values()}
        for raw in REQUESTS.values():
            assert await stage.ask(raw) == expected[raw]
        await stage.is_held_soon(headers)
        for raw in REQUESTS.values():
            assert await stage.ask(raw) == expected[raw]

    on(stage, play)


@pytest.mark.parametrize("kind", ["one list", "one tuple", "lists of the same pairs"])
def test_a_head_that_is_sent_again_is_not_encoded_again(kind: str) -> None:
    headers = copy_of([(b"x-a", b"before"), LENGTH])
    as_tuple = tuple(headers)
    makes = {"one list": lambda: headers, "one tuple": lambda: as_tuple}
    stage = Stage(makes.get(kind, lambda: list(headers)))

    async def play() -> None:
        expected = await stage.is_held_soon(headers)
        assert b"\r\nx-a: before\r\n" in expected
        # What nobody can do in Python: whoever reads the value again would see it.
        value = headers[0][1]
        ctypes.memmove(id(value) + bytes.__basicsize__ - 1, b"behind", 6)
        assert await stage.ask() == expected
        headers[0] = (b"x-a", bytes(bytearray(value)))
        assert (b"behind" in await stage.ask()) == (kind != "one tuple")

    on(stage, play)


def set_by_starlette(headers: Headers) -> None:
    MutableHeaders(raw=headers)["x-a"] = "set"


def deleted_by_starlette(headers: Headers) -> None:
    del MutableHeaders(raw=headers)["X-A"]


CHANGES: dict[str, Callable[[Headers], Any]] = {
    "replaced": lambda headers: headers.__setitem__(0, (b"x-a", b"new")),
    "replaced in the middle": lambda headers: headers.__setitem__(1, (b"x-b", b"new")),
    "replaced at the end": lambda headers: headers.__setitem__(2, (b"x-c", b"new")),
    "replaced by an equal one": lambda headers: headers.__setitem__(1, (b"x-b", b"2" * 1)),
    "appended": lambda headers: headers.append((b"x-d", b"4")),
    "appended again": lambda headers: headers.append(headers[0]),
    "inserted": lambda headers: headers.insert(1, LENGTH),
    "deleted": lambda headers: headers.pop(1),
    "cleared": lambda headers: headers.clear(),
    "reversed": lambda headers: headers.reverse(),
    "swapped": lambda headers: headers.insert(1, headers.pop(2)),
    "set by Starlette": set_by_starlette,
    "deleted by Starlette": deleted_by_starlette,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_list_that_is_changed_is_sent_as_it_is(change: str) -> None:
    headers = copy_of([(b"x-a", b"1"), (b"x-b", b"2"), (b"x-c", b"3")])
    stage = Stage(lambda: headers)

    async def play() -> None:
        before = await stage.is_held_soon(headers)
        CHANGES[change](headers)
        expected = await stage.ask_anew()
        assert (expected == before) == (change == "replaced by an equal one")
        for _ in range(4):
            assert await stage.ask() == expected

    on(stage, play)


def test_a_list_that_is_changed_before_each_response_is_sent_as_it_is() -> None:
    headers = copy_of([(b"x-a", b"1"), LENGTH])
    stage = Stage(lambda: headers)

    async def play() -> None:
        for number in range(100):
            if number % 3:
                MutableHeaders(raw=headers)["x-a"] = str(number)
            assert await stage.ask() == await stage.ask_anew()

    on(stage, play)


def test_one_list_serves_several_statuses() -> None:
    headers = copy_of([(b"x-a", b"1"), LENGTH])
    stage = Stage(lambda: headers)

    async def play() -> None:
        expected = {}
        for stage.status in (200, 204, 304, 404):
            expected[stage.status] = await stage.ask_anew()
        assert b"content-length" in expected[200] and b"content-length" not in expected[204]
        for _ in range(4):
            for stage.status in (200, 204, 304, 404):
                assert [await stage.ask() for _ in range(2)] == [expected[stage.status]] * 2

    on(stage, play)


@pytest.mark.parametrize(
    "place", ["a pair that is a list", "a buffer as name", "a buffer as value"]
)
def test_what_can_change_is_read_each_time(place: str) -> None:
    name, value = bytearray(b"x-a"), bytearray(b"old")
    pairs = {
        "a pair that is a list": [b"x-a", b"old"],
        "a buffer as name": (name, b"old"),
        "a buffer as value": (b"x-a", value),
    }
    headers: Headers = [pairs[place], LENGTH]
    stage = Stage(lambda: headers)

    async def play() -> None:
        for _ in range(3):
            assert b"\r\nx-a: old\r\n" in await stage.ask()
        assert not stage.held()
        if place == "a pair that is a list":
            headers[0][1] = b"new"
        name[:], value[:] = b"x-b", b"new"
        reply = await stage.ask()
        assert b"x-a: old" not in reply and b"\r\nx-" in reply

    on(stage, play)


@pytest.mark.parametrize(
    "wrong", [(b"a b", b"c"), (b"a", b"b\n"), (b"content-length", b"x"), LENGTH]
)
def test_a_wrong_head_is_wrong_each_time_until_it_is_mended(wrong: Pair) -> None:
    headers = [*copy_of([LENGTH, (b"x-a", b"1")]), wrong]
    stage = Stage(lambda: headers)

    async def play() -> None:
        for _ in range(4):
            assert (await stage.ask()).startswith(b"HTTP/1.1 500 ")
        assert not stage.held()
        del headers[2]
        for _ in range(4):
            reply = await stage.ask()
            assert reply.startswith(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: 1\r\n")

    on(stage, play)


def test_a_head_where_a_dead_one_was_is_another() -> None:
    numbers = iter(range(300))
    addresses: set[int] = set()

    def make() -> Headers:
        headers = [(b"x-number", b"%d" % next(numbers)), LENGTH]
        addresses.add(id(headers))
        return headers

    stage = Stage(make)

    async def play() -> None:
        for number in range(0, 300, 3):
            replies = await stage.ask(KEPT * 2 + GET)
            for each in range(number, number + 3):
                assert b"\r\nx-number: %d\r\n" % each in replies

    on(stage, play)
    assert len(addresses) < 300


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-%d" % number, b"") for number in range(32)],
        [(b"x-%d" % number, b"") for number in range(33)],
        [(b"x-a", b"v" * 4093)],
        [(b"x-a", b"v" * 4094)],
    ],
    ids=["32 fields", "33 fields", "4096 bytes", "4097 bytes"],
)
def test_a_large_head_is_not_kept(headers: Headers) -> None:
    stage = Stage(lambda: headers)
    small = len(headers) <= 32 and len(headers[0][1]) < 4094

    async def play() -> None:
        expected = await stage.ask()
        for _ in range(3):
            assert await stage.ask() == expected
        assert stage.holds(headers) == small

    on(stage, play)


def test_only_so_many_heads_are_kept_and_one_in_use_is_among_them() -> None:
    used = copy_of([(b"x-used", b"1")])
    others = [copy_of([(b"x-other", b"%d" % number)]) for number in range(500)]
    order = [used, used]
    for other in others:
        order += [other, other, used]
    heads = iter(order)
    stage = Stage(lambda: next(heads))

    async def play() -> None:
        replies = await stage.ask(KEPT * (len(order) - 1) + GET)
        assert replies.count(b"x-used: 1\r\n") == 502
        for number in range(500):
            assert replies.count(b"x-other: %d\r\n" % number) == 2
        assert 20 < len(stage.held()) <= 64
        assert stage.holds(used)

    on(stage, play)


def test_nothing_of_a_head_is_held_when_its_server_is_closed() -> None:
    headers = copy_of([(b"x-a", b"1"), LENGTH])
    before = [sys.getrefcount(pair) for pair in headers]
    stage = Stage(lambda: headers)

    async def play() -> None:
        for _ in range(50):
            await stage.ask()
        assert [sys.getrefcount(pair) for pair in headers] == [count + 1 for count in before]
        close_http_server(stage.place.core)
        assert [sys.getrefcount(pair) for pair in headers] == before

    async def main() -> None:
        async with serving(stage.app) as stage.place:
            await play()

    run(main)
