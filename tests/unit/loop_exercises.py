"""One exercise per method of asyncio.AbstractEventLoop; each holds on asyncio's own loop, too."""

import asyncio
import io
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from loop_certificate import contexts
from loop_runner import DEADLINE, turn

Exercise = Callable[[Any], Any]  # takes the loop; a coroutine function runs on it

CONTENT = os.urandom(300_000)
# The kernel sends the first one's bytes, Python the second one's, which has no descriptor.
FILES: tuple[Callable[[], Any], ...] = (tempfile.TemporaryFile, io.BytesIO)


class Keep(asyncio.Protocol, asyncio.DatagramProtocol, asyncio.SubprocessProtocol):
    """Keeps what it is told, and tells when that was enough."""

    def __init__(self) -> None:
        self.received = b""
        self.ended = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def datagram_received(self, data: bytes, _: Any) -> None:
        self.received += data
        self.ended.set_result(None)

    def pipe_data_received(self, _: int, data: bytes) -> None:
        self.received += data

    def process_exited(self) -> None:
        self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def talk(transport: Any, protocol: Keep, said: bytes = b"hello") -> bytes:
    """Say something, say that it is all, return what comes until the end."""
    transport.write(said)
    if transport.can_write_eof():
        transport.write_eof()
    await protocol.ended
    return protocol.received


class Shout(Keep):
    """Sends back in capitals, then closes."""

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())
        self.transport.close()


@asynccontextmanager
async def connected_sockets() -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        yield one, other


@contextmanager
def datagram_sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as one,
        socket.socket(type=socket.SOCK_DGRAM) as other,
    ):
        for sock in (one, other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        yield one, other


# How it runs


def run_forever(loop: Any) -> None:
    ran: list[str] = []
    loop.call_soon(ran.append, "callback")
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert ran == ["callback"]


def run_until_complete(loop: Any) -> None:
    assert loop.run_until_complete(asyncio.sleep(0, "result")) == "result"


def stop(loop: Any) -> None:
    loop.stop()
    loop.run_forever()
    assert not loop.is_running()


def is_running(loop: Any) -> None:
    seen: list[bool] = [loop.is_running()]
    loop.call_soon(lambda: seen.append(loop.is_running()))
    turn(loop)
    assert [*seen, loop.is_running()] == [False, True, False]


def is_closed(loop: Any) -> None:
    assert not loop.is_closed()
    loop.close()
    assert loop.is_closed()


def close(loop: Any) -> None:
    loop.close()
    loop.close()


async def shutdown_asyncgens(loop: Any) -> None:
    ended: list[str] = []

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ended.append("ended")

    generator = generate()
    await anext(generator)
    await loop.shutdown_asyncgens()
    assert ended == ["ended"]


def shutdown_default_executor(loop: Any) -> None:
    name = loop.run_until_complete(loop.run_in_executor(None, threading.current_thread)).name
    loop.run_until_complete(loop.shutdown_default_executor())
    assert name not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
        loop.run_in_executor(None, print)


# Callbacks, time, tasks


def call_soon(loop: Any) -> None:
    ran: list[int] = []
    loop.call_soon(ran.append, 1)
    loop.call_soon(ran.append, 2).cancel()
    loop.call_soon(ran.append, 3)
    turn(loop)
    assert ran == [1, 3]


def call_soon_threadsafe(loop: Any) -> None:
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join(DEADLINE)


def call_later(loop: Any) -> None:
    due = loop.time() + 0.01
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    assert loop.time() >= due


def call_at(loop: Any) -> None:
    due = loop.time() + 0.01
    loop.call_at(due, loop.stop)
    loop.run_forever()
    assert loop.time() >= due


def time(loop: Any) -> None:
    assert loop.time() <= loop.time()


async def create_future(loop: Any) -> None:
    future = loop.create_future()
    assert type(future) is asyncio.Future and future.get_loop() is loop
    loop.call_soon(future.set_result, 1)
    assert await future == 1


async def create_task(loop: Any) -> None:
    task = loop.create_task(asyncio.sleep(0, "result"), name="its name")
    assert type(task) is asyncio.Task and task.get_name() == "its name"
    assert await task == "result"


def set_task_factory(loop: Any) -> None:
    def factory(loop: Any, coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    made: list[Any] = []
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    loop.run_until_complete(asyncio.sleep(0))
    assert len(made) == 1
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None


async def run_in_executor(loop: Any) -> None:
    assert await loop.run_in_executor(None, max, 1, 2) == 2
    with ThreadPoolExecutor(1, "mine") as executor:
        thread = await loop.run_in_executor(executor, threading.current_thread)
    assert thread.name == "mine_0"


async def set_default_executor(loop: Any) -> None:
    loop.set_default_executor(ThreadPoolExecutor(1, "default"))
    assert (await loop.run_in_executor(None, threading.current_thread)).name == "default_0"


# Errors and debug mode


def set_exception_handler(loop: Any) -> None:
    seen: list[Any] = []

    def handler(*report: Any) -> None:
        seen.append(report)

    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    loop.call_exception_handler({"message": "something"})
    assert seen == [(loop, {"message": "something"})]
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None


def default_exception_handler(loop: Any) -> None:
    loop.default_exception_handler({"message": "told by the default handler"})


def set_debug(loop: Any) -> None:
    for debug in (True, False):
        loop.set_debug(debug)
        assert loop.get_debug() is debug
    assert loop.slow_callback_duration == 0.1


# Descriptors and signals


async def add_reader(loop: Any) -> None:
    async with connected_sockets() as (one, other):
        readable = asyncio.Event()
        loop.add_reader(one, readable.set)
        other.send(b"x")
        await readable.wait()
        assert loop.remove_reader(one) and not loop.remove_reader(one)


async def add_writer(loop: Any) -> None:
    async with connected_sockets() as (one, _):
        writable = asyncio.Event()
        loop.add_writer(one.fileno(), writable.set)
        await writable.wait()
        assert loop.remove_writer(one) and not loop.remove_writer(one)


async def add_signal_handler(loop: Any) -> None:
    heard = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await heard.wait()
    assert loop.remove_signal_handler(signal.SIGUSR1)
    assert not loop.remove_signal_handler(signal.SIGUSR1)


# Sockets without transports


async def sock_connect(loop: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        listener.setblocking(False)
        client.setblocking(False)
        accepting = loop.create_task(loop.sock_accept(listener))
        await loop.sock_connect(client, listener.getsockname())
        accepted, address = await accepting
        with accepted:
            assert address == client.getsockname()


async def sock_recv(loop: Any) -> None:
    async with connected_sockets() as (one, other):
        received = b""
        sending = loop.create_task(loop.sock_sendall(one, CONTENT))
        while len(received) < len(CONTENT):
            received += await loop.sock_recv(other, 65536)
        await sending
        assert received == CONTENT


async def sock_recv_into(loop: Any) -> None:
    async with connected_sockets() as (one, other):
        buffer = bytearray(10)
        receiving = loop.create_task(loop.sock_recv_into(other, buffer))
        await asyncio.sleep(0)
        await loop.sock_sendall(one, b"abc")
        assert (await receiving, buffer[:3]) == (3, b"abc")


async def sock_recvfrom(loop: Any) -> None:
    with datagram_sockets() as (one, other):
        receiving = loop.create_task(loop.sock_recvfrom(other, 10))
        await asyncio.sleep(0)
        assert await loop.sock_sendto(one, b"abc", other.getsockname()) == 3
        assert await receiving == (b"abc", one.getsockname())


async def sock_recvfrom_into(loop: Any) -> None:
    with datagram_sockets() as (one, other):
        buffer = bytearray(10)
        await loop.sock_sendto(one, b"abc", other.getsockname())
        assert await loop.sock_recvfrom_into(other, buffer) == (3, one.getsockname())
        assert buffer[:3] == b"abc"


async def sock_sendfile(loop: Any) -> None:
    for make in FILES:
        with make() as file:
            file.write(CONTENT)
            async with connected_sockets() as (one, other):
                file.seek(0)
                sending = loop.create_task(loop.sock_sendfile(one, file, 10, 200_000))
                received = b""
                while len(received) < 200_000:
                    received += await loop.sock_recv(other, 65536)
                assert (await sending, received) == (200_000, CONTENT[10:200_010])


# Transports


async def create_connection(loop: Any) -> None:
    server = await loop.create_server(Shout, "127.0.0.1", 0)
    async with server:
        transport, protocol = await loop.create_connection(
            Keep, *server.sockets[0].getsockname(), happy_eyeballs_delay=0.25
        )
        assert await talk(transport, protocol) == b"HELLO"


async def create_server(loop: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server_side, client_side = contexts(Path(folder))
    server = await loop.create_server(
        Shout, "127.0.0.1", 0, ssl=server_side, reuse_port=True, start_serving=False
    )
    await server.start_serving()
    transport, protocol = await loop.create_connection(
        Keep, *server.sockets[0].getsockname(), ssl=client_side, server_hostname="localhost"
    )
    assert transport.get_extra_info("cipher")
    assert await talk(transport, protocol) == b"HELLO"
    server.close()
    await server.wait_closed()


async def connect_accepted_socket(loop: Any) -> None:
    async with connected_sockets() as (one, other):
        await loop.connect_accepted_socket(Shout, one)
        transport, protocol = await loop.create_connection(Keep, sock=other)
        assert await talk(transport, protocol) == b"HELLO"


async def create_unix_connection(loop: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        async with await loop.create_unix_server(Shout, path):
            transport, protocol = await loop.create_unix_connection(Keep, path)
            assert await talk(transport, protocol) == b"HELLO"


async def start_tls(loop: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server_side, client_side = contexts(Path(folder))
    async with connected_sockets() as (one, other):
        ours, shout = await loop.create_connection(Shout, sock=one)
        theirs, keep = await loop.create_connection(Keep, sock=other)
        _, transport = await asyncio.gather(
            loop.start_tls(ours, shout, server_side, server_side=True),
            loop.start_tls(theirs, keep, client_side, server_hostname="localhost"),
        )
        shout.transport = _
        assert await talk(transport, keep) == b"HELLO"


async def create_datagram_endpoint(loop: Any) -> None:
    receiver, protocol = await loop.create_datagram_endpoint(Keep, ("127.0.0.1", 0))
    sender, _ = await loop.create_datagram_endpoint(
        Keep, remote_addr=receiver.get_extra_info("sockname")
    )
    sender.sendto(b"abc")
    await protocol.ended
    assert protocol.received == b"abc"
    sender.close()
    receiver.close()


async def sendfile(loop: Any) -> None:
    for make in FILES:
        with make() as file:
            file.write(CONTENT)
            file.seek(0)
            async with connected_sockets() as (one, other):
                transport, _ = await loop.create_connection(Keep, sock=one)
                _, protocol = await loop.create_connection(Keep, sock=other)
                assert await loop.sendfile(transport, file) == len(CONTENT)
                transport.close()
                await protocol.ended
                assert protocol.received == CONTENT


async def connect_read_pipe(loop: Any) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb", 0) as source, os.fdopen(write_end, "wb", 0) as sink:
        _, protocol = await loop.connect_read_pipe(Keep, source)
        transport, _ = await loop.connect_write_pipe(Keep, sink)
        transport.write(b"abc")
        transport.close()
        await protocol.ended
        assert protocol.received == b"abc"


# Names and processes


async def getaddrinfo(loop: Any) -> None:
    found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    assert found[0][4] == ("127.0.0.1", 80)


async def getnameinfo(loop: Any) -> None:
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert await loop.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")


async def subprocess_exec(loop: Any) -> None:
    code = "print(input()[::-1])"
    transport, protocol = await loop.subprocess_exec(Keep, sys.executable, "-c", code)
    transport.get_pipe_transport(0).write(b"abc\n")
    await protocol.ended
    assert (protocol.received, transport.get_returncode()) == (b"cba\n", 0)


async def subprocess_shell(loop: Any) -> None:
    transport, protocol = await loop.subprocess_shell(Keep, "read word; echo $word; exit 3")
    transport.get_pipe_transport(0).write(b"abc\n")
    await protocol.ended
    assert (protocol.received, transport.get_returncode()) == (b"abc\n", 3)


# Method of asyncio.AbstractEventLoop: its exercise, if that is not of the same name.
SHARED: dict[str, Exercise] = {
    "get_task_factory": set_task_factory,
    "get_exception_handler": set_exception_handler,
    "call_exception_handler": set_exception_handler,
    "get_debug": set_debug,
    "remove_reader": add_reader,
    "remove_writer": add_writer,
    "remove_signal_handler": add_signal_handler,
    "sock_accept": sock_connect,
    "sock_sendall": sock_recv,
    "sock_sendto": sock_recvfrom,
    "create_unix_server": create_unix_connection,
    "connect_write_pipe": connect_read_pipe,
}


def exercise_of(method: str) -> Exercise | None:
    return SHARED.get(method) or globals().get(method)
