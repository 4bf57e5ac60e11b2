"""fasterapi_asgi.EventLoop: a protocol sees of its transport what it sees on asyncio's loop.

Every scenario runs on both loops; what the protocol was told, and the loop's exception handler,
must be the same.
"""

import asyncio
import contextvars
import gc
import socket
import struct
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from loop_runner import DEADLINE

from fasterapi_asgi import EventLoop

Told = list[Any]
VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("VARIABLE")


class Recorder(asyncio.Protocol):
    """Notes what it is told; `ended` is done when the connection is lost."""

    transport: asyncio.Transport

    def __init__(self, told: Told) -> None:
        self.told = told
        self.received = bytearray()
        self.ended = asyncio.get_running_loop().create_future()
        self.arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        assert type(data) is bytes
        self.received += data
        self.arrived.set()

    def eof_received(self) -> bool | None:
        self.told.append("end of file")
        return None

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(("lost", repr(error)))
        self.ended.set_result(None)


class Lender(Recorder, asyncio.BufferedProtocol):
    """The same with memory of its own."""

    def get_buffer(self, sizehint: int) -> memoryview:
        assert sizehint == -1
        self.memory = bytearray(7)
        return memoryview(self.memory)

    def buffer_updated(self, count: int) -> None:
        self.data_received(bytes(self.memory[:count]))


Scenario = Callable[[Told, socket.socket], Awaitable[None]]


def told_on(loop: asyncio.AbstractEventLoop, scenario: Scenario, *, debug: bool) -> Told:
    """Run a scenario with the far end of a connected pair; it finds the near end by `connect`."""
    told: Told = []

    def note_failure(_: Any, context: dict[str, Any]) -> None:
        told.append((context["message"], repr(context.get("exception"))))

    async def main() -> None:
        loop.set_exception_handler(note_failure)
        near, far = socket.socketpair()
        near.setblocking(False)
        far.settimeout(DEADLINE)
        with far:
            NEAR.set(near)
            await asyncio.wait_for(scenario(told, far), DEADLINE)

    loop.set_debug(debug)
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    return told


NEAR: contextvars.ContextVar[socket.socket] = contextvars.ContextVar("NEAR")


async def connect(told: Told, kind: type[Recorder] = Recorder) -> Recorder:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.connect_accepted_socket(lambda: kind(told), NEAR.get())
    return protocol


async def arrival(protocol: Recorder, count: int) -> bytes:
    """What was received, once so many bytes are here."""
    while len(protocol.received) < count:
        protocol.arrived.clear()
        await protocol.arrived.wait()
    return bytes(protocol.received)


async def bytes_arrive_and_the_end_is_told(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    far.sendall(b"some bytes")
    told.append(await arrival(protocol, 10))
    far.shutdown(socket.SHUT_WR)
    await protocol.ended


async def lent_memory_is_filled(told: Told, far: socket.socket) -> None:
    protocol = await connect(told, Lender)
    far.sendall(b"more than fits at once")
    told.append(await arrival(protocol, 22))
    far.close()
    await protocol.ended


async def the_protocol_may_change_between_two_reads(told: Told, far: socket.socket) -> None:
    first = await connect(told)
    far.sendall(b"first")
    told.append(await arrival(first, 5))
    second = Lender(told)
    first.transport.set_protocol(second)
    far.sendall(b"second")
    told.append(await arrival(second, 6))
    third = Recorder(told)
    first.transport.set_protocol(third)
    far.sendall(b"third")
    told.append((await arrival(third, 5), bytes(first.received)))
    first.transport.close()
    await third.ended


async def every_kind_of_bytes_is_sent(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    write: Callable[[Any], None] = protocol.transport.write
    for data in (b"a", bytearray(b"b"), memoryview(b"cd")[1:], b"", Sub(b"f")):
        write(data)
    told.append(far.recv(100))
    for wrong in ("text", 1, None, [b"a"]):
        with pytest.raises(TypeError) as raised:
            write(wrong)
        told.append(str(raised.value))
    protocol.transport.writelines([b"g", bytearray(b"h"), memoryview(b"i")])
    told.append(far.recv(100))
    protocol.transport.abort()
    await protocol.ended


async def memory_with_gaps_cannot_be_sent(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    protocol.transport.write(memoryview(b"a-b-")[::2])
    await protocol.ended
    far.close()


class Sub(bytes):
    """bytes of a class of its own."""


async def what_the_socket_does_not_take_follows(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    sent = [bytes([number]) * 300_000 for number in range(4)]
    for data in (sent[0], bytearray(sent[1]), memoryview(sent[2]), sent[3]):
        protocol.transport.write(data)
    protocol.transport.write_eof()
    for late in (b"late", b""):
        with pytest.raises(RuntimeError) as raised:
            protocol.transport.write(late)
        told.append(str(raised.value))
    loop, received = asyncio.get_running_loop(), bytearray()
    far.setblocking(False)
    while data := await loop.sock_recv(far, 65536):
        received += data
    told.append(received == b"".join(sent))
    far.close()
    await protocol.ended


async def a_close_waits_for_what_is_unsent(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    protocol.transport.write(b"x" * 1_000_000)
    protocol.transport.close()
    told.append((protocol.transport.is_closing(), protocol.transport.get_write_buffer_size() > 0))
    protocol.transport.write(b"late")
    loop, count = asyncio.get_running_loop(), 0
    far.setblocking(False)
    while data := await loop.sock_recv(far, 65536):
        count += len(data)
    told.append(count >= 1_000_000)
    await protocol.ended


async def a_peer_that_is_gone_is_told_once(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    far.close()
    for _ in range(8):  # from the fifth on, asyncio warns
        protocol.transport.write(b"into the void")
    await protocol.ended
    protocol.transport.write(b"after the end")


async def reading_pauses_and_goes_on(told: Told, far: socket.socket) -> None:
    protocol = await connect(told)
    protocol.transport.pause_reading()
    far.sendall(b"later")
    for _ in range(5):
        await asyncio.sleep(0)
    told.append((bytes(protocol.received), protocol.transport.is_reading()))
    protocol.transport.resume_reading()
    told.append((await arrival(protocol, 5), protocol.transport.is_reading()))
    protocol.transport.close()
    protocol.transport.close()
    await protocol.ended


async def a_protocol_keeps_a_half_closed_connection_open(told: Told, far: socket.socket) -> None:
    class KeepsOpen(Recorder):
        def eof_received(self) -> bool:
            super().eof_received()
            self.transport.write(b"an answer")
            return True

    protocol = await connect(told, KeepsOpen)
    far.shutdown(socket.SHUT_WR)
    told.append(await asyncio.to_thread(far.recv, 100))
    protocol.transport.close()
    await protocol.ended


def broken(**methods: Any) -> Scenario:
    """A protocol with these methods hears of one message."""

    async def scenario(told: Told, far: socket.socket) -> None:
        lends = "data_received" not in methods
        kind = type("Broken", (Lender if lends else Recorder,), methods)
        protocol = await connect(told, kind)
        far.sendall(b"some bytes")
        if "eof_received" in methods:
            far.shutdown(socket.SHUT_WR)
        await protocol.ended

    return scenario


def fails(*_: Any) -> None:
    raise ValueError("the protocol's own")


async def a_variable_that_the_protocol_set_is_there_at_the_next_read(
    told: Told, far: socket.socket
) -> None:
    class Counts(Recorder):
        def data_received(self, data: bytes) -> None:
            told.append(VARIABLE.get(0))
            VARIABLE.set(VARIABLE.get(0) + 1)
            super().data_received(data)

    protocol = await connect(told, Counts)
    for count in range(1, 4):
        far.sendall(b"x")
        await arrival(protocol, count)
    protocol.transport.abort()
    await protocol.ended


SCENARIOS: dict[str, Scenario] = {
    "bytes arrive and the end is told": bytes_arrive_and_the_end_is_told,
    "lent memory is filled": lent_memory_is_filled,
    "the protocol may change between two reads": the_protocol_may_change_between_two_reads,
    "every kind of bytes is sent": every_kind_of_bytes_is_sent,
    "memory with gaps cannot be sent": memory_with_gaps_cannot_be_sent,
    "what the socket does not take follows": what_the_socket_does_not_take_follows,
    "a close waits for what is unsent": a_close_waits_for_what_is_unsent,
    "a peer that is gone is told once": a_peer_that_is_gone_is_told_once,
    "reading pauses and goes on": reading_pauses_and_goes_on,
    "a half-closed connection stays open": a_protocol_keeps_a_half_closed_connection_open,
    "variables stay set": a_variable_that_the_protocol_set_is_there_at_the_next_read,
    "data_received fails": broken(data_received=fails),
    "get_buffer fails": broken(get_buffer=fails),
    "get_buffer lends nothing": broken(get_buffer=lambda *_: bytearray()),
    "get_buffer lends what cannot be written": broken(get_buffer=lambda *_: b"constant"),
    "get_buffer lends no memory": broken(get_buffer=lambda *_: []),
    "buffer_updated fails": broken(buffer_updated=fails),
    "eof_received fails": broken(data_received=lambda *_: None, eof_received=fails),
}


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_protocol_is_told_what_asyncio_tells_it(scenario: Scenario, debug: bool) -> None:
    expected = told_on(asyncio.SelectorEventLoop(), scenario, debug=debug)
    assert told_on(EventLoop(), scenario, debug=debug) == expected
    assert any("lost" in told for told in expected if isinstance(told, tuple))


@pytest.mark.parametrize("kind", [EventLoop, asyncio.SelectorEventLoop])
def test_a_reset_is_told_as_the_reason(kind: type[asyncio.AbstractEventLoop]) -> None:
    told: Told = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        made: asyncio.Future[Recorder] = loop.create_future()

        class Accepted(Recorder):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                made.set_result(self)

        async with await loop.create_server(lambda: Accepted(told), "127.0.0.1", 0) as server:
            far = socket.create_connection(server.sockets[0].getsockname())
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            protocol = await asyncio.wait_for(made, DEADLINE)
            far.close()
            await asyncio.wait_for(protocol.ended, DEADLINE)

    with asyncio.Runner(loop_factory=kind) as runner:
        runner.run(main())
    assert told[-1] == ("lost", "ConnectionResetError(104, 'Connection reset by peer')")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", [Recorder, Lender])
def test_an_exit_out_of_a_protocol_leaves_the_loop(
    kind: type[Recorder], error: type[BaseException]
) -> None:
    def leave(*_: Any) -> None:
        raise error

    async def main() -> None:
        near, far = socket.socketpair()
        NEAR.set(near)
        protocol = await connect([], type("Leaves", (kind,), {"data_received": leave}))
        with far:
            far.sendall(b"x")
            try:
                await protocol.ended
            finally:
                protocol.transport.abort()

    with pytest.raises(error), asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(main())


def test_nothing_is_sent_to_whoever_got_the_number_of_a_socket_that_was_closed() -> None:
    async def scenario(told: Told, _: socket.socket) -> None:
        protocol = await connect(told)
        number = NEAR.get().fileno()
        NEAR.get().close()
        other, its_peer = socket.socketpair()
        with other, its_peer:
            assert number in (other.fileno(), its_peer.fileno())
            its_peer.setblocking(False)
            other.setblocking(False)
            protocol.transport.write(b"secret")
            for innocent in (other, its_peer):
                with pytest.raises(BlockingIOError):
                    innocent.recv(100)
        await protocol.ended

    told = told_on(EventLoop(), scenario, debug=False)
    assert told == told_on(asyncio.SelectorEventLoop(), scenario, debug=False)
    assert told[-1] == ("lost", "OSError(9, 'Bad file descriptor')")


def test_a_transport_dies_with_its_connection() -> None:
    alive: list[weakref.ref[asyncio.Transport]] = []

    async def scenario(told: Told, far: socket.socket) -> None:
        protocol = await connect(told)
        alive.append(weakref.ref(protocol.transport))
        far.close()
        await protocol.ended

    told_on(EventLoop(), scenario, debug=False)
    gc.collect()
    assert alive[0]() is None
