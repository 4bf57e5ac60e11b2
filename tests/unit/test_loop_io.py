"""fasterapi_asgi.EventLoop: all of asyncio's input and output works on it."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from loop_certificate import contexts
from loop_runner import a_loop, run, turn


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def round_trip(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int = 300_000
) -> bool:
    sent = os.urandom(size)
    writer.write(sent)
    received = await reader.readexactly(size)
    writer.close()
    await writer.wait_closed()
    return received == sent


def test_streams_over_tcp() -> None:
    async def main() -> list[bool]:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()

            async def ask() -> bool:
                return await round_trip(*await asyncio.open_connection(*address))

            return await asyncio.gather(*(ask() for _ in range(10)))

    assert run(main) == [True] * 10


def test_streams_over_a_unix_socket(tmp_path: Path) -> None:
    async def main() -> bool:
        path = tmp_path / "socket"
        async with await asyncio.start_unix_server(echo, path):
            return await round_trip(*await asyncio.open_unix_connection(path))

    assert run(main)


def test_streams_over_tls(tmp_path: Path) -> None:
    server_side, client_side = contexts(tmp_path)

    async def main() -> bool:
        async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_side) as server:
            address = server.sockets[0].getsockname()
            connection = asyncio.open_connection(
                *address, ssl=client_side, server_hostname="localhost"
            )
            return await round_trip(*await connection)

    assert run(main)


def test_tls_may_start_on_an_open_connection(tmp_path: Path) -> None:
    server_side, client_side = contexts(tmp_path)

    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"tls\n"
        writer.write(b"go\n")
        await writer.start_tls(server_side)
        await echo(reader, writer)

    async def main() -> bool:
        async with await asyncio.start_server(upgrade, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"tls\n")
            assert await reader.readline() == b"go\n"
            await writer.start_tls(client_side, server_hostname="localhost")
            return await round_trip(reader, writer)

    assert run(main)


def test_datagrams() -> None:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.transport.sendto(data[::-1], address)

    class Ask(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.reply = asyncio.get_running_loop().create_future()

        def datagram_received(self, data: bytes, address: Any) -> None:  # noqa: ARG002
            self.reply.set_result(data)

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        client, asking = await loop.create_datagram_endpoint(
            Ask, remote_addr=server.get_extra_info("sockname")
        )
        client.sendto(b"abc")
        reply = await asking.reply
        client.close()
        server.close()
        return reply  # type: ignore[no-any-return]

    assert run(main) == b"cba"


def test_low_level_socket_calls() -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            listener.setblocking(False)
            client.setblocking(False)
            accepting = asyncio.create_task(loop.sock_accept(listener))
            await loop.sock_connect(client, listener.getsockname())
            accepted, _ = await accepting
            with accepted:
                receiving = asyncio.create_task(loop.sock_recv(accepted, 10))
                await asyncio.sleep(0)
                await loop.sock_sendall(client, b"abc")
                return await receiving

    assert run(main) == b"abc"


@pytest.mark.parametrize("kind", ["transport", "socket"])
def test_sendfile(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(200_000))

    async def main() -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=theirs)
        with path.open("rb") as file:
            if kind == "socket":
                with ours:
                    receiving = asyncio.create_task(reader.read(-1))
                    sent = await loop.sock_sendfile(ours, file)
            else:
                transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
                receiving = asyncio.create_task(reader.read(-1))
                sent = await loop.sendfile(transport, file)
                transport.close()
        received = await receiving
        writer.close()
        await writer.wait_closed()
        return sent, received

    assert run(main) == (200_000, path.read_bytes())


def test_pipes() -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        reader = asyncio.StreamReader()
        with os.fdopen(read_end, "rb", 0) as source, os.fdopen(write_end, "wb", 0) as sink:
            reading, _ = await loop.connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), source
            )
            writing, _ = await loop.connect_write_pipe(asyncio.Protocol, sink)
            writing.write(b"abc")
            writing.close()
            received = await reader.read()
            reading.close()
            await asyncio.sleep(0)
            return received

    assert run(main) == b"abc"


def test_names_are_looked_up() -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return found[0][4], await loop.getnameinfo(("127.0.0.1", 80), numeric)

    assert run(main) == (("127.0.0.1", 80), ("127.0.0.1", "80"))


def test_subprocesses() -> None:
    async def main() -> list[Any]:
        run_python = asyncio.create_subprocess_exec
        pipe = asyncio.subprocess.PIPE
        upper = "import sys; print(sys.stdin.read().upper())"
        process = await run_python(sys.executable, "-c", upper, stdin=pipe, stdout=pipe)
        output, _ = await process.communicate(b"abc")
        code = await (await run_python(sys.executable, "-c", "raise SystemExit(3)")).wait()
        process = await run_python(sys.executable, "-c", "input()", stdin=pipe)
        process.terminate()
        ended = await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return [output, code, ended]

    assert run(main) == [b"ABC\n", 3, -signal.SIGTERM]


def test_readers_and_writers_of_file_descriptors() -> None:
    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            got: asyncio.Queue[bytes] = asyncio.Queue()
            loop.add_reader(one, lambda: got.put_nowait(one.recv(1)))
            for byte in (b"a", b"b"):
                other.send(byte)
            received = [await got.get(), await got.get()]
            assert loop.remove_reader(one) and not loop.remove_reader(one)
            writable = loop.create_future()
            loop.add_writer(one.fileno(), writable.set_result, None)
            await writable
            assert loop.remove_writer(one.fileno())
            return received

    assert run(main) == [b"a", b"b"]


def test_a_descriptor_that_its_user_closed_does_no_harm() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        fd = one.fileno()
        loop.add_reader(fd, print)
        one.close()
        other.close()
        turn(loop, 3)
        again, other = socket.socketpair()  # the number is used again
        got: list[bytes] = []
        with again, other:
            assert again.fileno() == fd
            loop.remove_reader(fd)
            loop.add_reader(fd, lambda: (got.append(again.recv(1)), loop.stop()))
            other.send(b"a")
            loop.run_forever()
            loop.remove_reader(fd)
        assert got == [b"a"]


def test_a_closed_descriptor_is_an_error_of_the_call() -> None:
    with a_loop() as loop, socket.socket() as sock:
        fd = os.dup(sock.fileno())
        os.close(fd)
        with pytest.raises(OSError, match="Bad file descriptor"):
            loop.add_reader(fd, print)


def test_many_descriptors_at_once() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(200)]
        done = loop.create_future()
        ready: set[int] = set()

        def readable(number: int) -> None:
            pairs[number][0].recv(1)
            ready.add(number)
            if len(ready) == len(pairs):
                done.set_result(None)

        for number, (one, other) in enumerate(pairs):
            loop.add_reader(one, readable, number)
            other.send(b"x")
        await done
        for one, other in pairs:
            loop.remove_reader(one)
            one.close()
            other.close()
        return len(ready)

    assert run(main) == 200
