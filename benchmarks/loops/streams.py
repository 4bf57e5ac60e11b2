"""Echo servers over TCP and TLS; the client is a process of its own and is not charged."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from suite import machine

from loops.meter import Meter

CLIENT = Path(__file__).with_name("client.py")
KIB = 1024


@contextlib.contextmanager
def client(port: int, size: int, connections: int) -> Iterator[None]:
    """Run the client on the other core.

    Raises:
        RuntimeError: the client ended by itself, thus got a wrong answer or none.
    """
    command = [sys.executable, CLIENT, port, size, connections]
    with machine.pinned(machine.LOAD_CORE):
        process = subprocess.Popen([str(word) for word in command])
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"the client ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


async def streams(
    loop: asyncio.AbstractEventLoop, meter: Meter, size: int, connections: int
) -> None:
    """Echo whole messages with asyncio.start_server, a reader and a writer."""
    over = loop.create_future()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while meter.again():
                writer.write(await reader.readexactly(size))
                await writer.drain()
        except (OSError, EOFError) as error:
            if not over.done():
                over.set_exception(error)
        if not over.done():
            over.set_result(None)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    with client(server.sockets[0].getsockname()[1], size, connections):
        await over
