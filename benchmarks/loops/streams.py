"""Echo servers on asyncio's streams, over TCP and TLS."""

import asyncio
import contextlib
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from suite import machine

from loops import certificate
from loops.meter import Meter

CLIENT = Path(__file__).with_name("client.py")


@contextlib.contextmanager
def client(kind: str, port: int, size: int, connections: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run client.py on the other core; what it costs is not charged.

    Raises:
        RuntimeError: the client ended by itself, thus got a wrong answer or none.
    """
    command = [sys.executable, CLIENT, kind, port, size, connections]
    with machine.pinned(machine.LOAD_CORE):
        process = subprocess.Popen([str(word) for word in command])
    try:
        yield process
        if process.poll() is not None:
            raise RuntimeError(f"the client ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


def _server_context() -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        return certificate.contexts(Path(folder))[0]


async def echo(
    loop: asyncio.AbstractEventLoop,
    meter: Meter,
    size: int,
    connections: int,
    tls: bool = False,
) -> None:
    """Send back whole messages with asyncio.start_server, a reader and a writer."""
    over = loop.create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while meter.again():
                writer.write(await reader.readexactly(size))
                await writer.drain()
        except (OSError, EOFError) as error:
            if not over.done():
                over.set_exception(error)
        if not over.done():
            over.set_result(None)

    context = _server_context() if tls else None
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with client("tls" if tls else "tcp", port, size, connections):
        await over
