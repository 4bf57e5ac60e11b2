"""Echo servers on transports and protocols, without streams; one message is one operation."""

import asyncio
from typing import Any

from loops.meter import Meter
from loops.streams import client


class _Echo:
    """Counts the bytes, and ends with the meter or with the connection."""

    def __init__(self, meter: Meter, over: asyncio.Future[None], size: int) -> None:
        self._meter = meter
        self._over = over
        self._size = size
        self._open = 0

    def received(self, count: int) -> None:
        """Count messages that are complete."""
        self._open += count
        messages, self._open = divmod(self._open, self._size)
        if messages and not self._meter.again(messages) and not self._over.done():
            self._over.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail, if it is not over."""
        if not self._over.done():
            self._over.set_exception(error or EOFError("the client has closed the connection"))


class Plain(_Echo, asyncio.Protocol):
    """Writes what it was given."""

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        self._write(data)
        self.received(len(data))


class Buffered(_Echo, asyncio.BufferedProtocol):
    """Reads into a buffer of its own and writes a copy, which a transport may keep."""

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._write = transport.write
        self._buffer = memoryview(bytearray(64 * 1024))

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Lend the whole buffer."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """Send it back."""
        self._write(bytes(self._buffer[:count]))
        self.received(count)


class Datagrams(_Echo, asyncio.DatagramProtocol):
    """Sends each datagram back to where it came from."""

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._send = transport.sendto

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Send it back."""
        self._send(data, address)
        self.received(len(data))


async def echo(
    loop: asyncio.AbstractEventLoop,
    meter: Meter,
    protocol: type[Plain | Buffered],
    size: int,
    connections: int,
) -> None:
    """Send back what comes over TCP."""
    over = loop.create_future()
    server = await loop.create_server(lambda: protocol(meter, over, size), "127.0.0.1", 0)
    with client("tcp", server.sockets[0].getsockname()[1], size, connections):
        await over


async def datagrams(
    loop: asyncio.AbstractEventLoop, meter: Meter, size: int, connections: int
) -> None:
    """Send back what comes over UDP."""
    over = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Datagrams(meter, over, size), local_addr=("127.0.0.1", 0)
    )
    with client("udp", transport.get_extra_info("sockname")[1], size, connections):
        await over
