"""websockets, server and client: TLS, deflate, back-pressure, ping, timeout, cancel, close."""

import asyncio
import ssl

from harness import cancelled, raises, run, tls
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedOK


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


async def talk(address: str, context: ssl.SSLContext | None, n: int) -> None:
    async with connect(address, ssl=context, max_size=None) as socket:
        for size in (0, 1, 125, 126, 65_535, 65_536, 300_000):
            await socket.send(bytes([n]) * size)
            assert await socket.recv() == bytes([n]) * size
        await (await socket.ping())
        await raises(TimeoutError, asyncio.wait_for(socket.recv(), 0.1))
        await cancelled(socket.recv())
        await socket.close()
        await raises(ConnectionClosedOK, socket.recv())


async def main() -> None:
    server_tls, client_tls = tls()
    for scheme, ours, theirs in (("wss", server_tls, client_tls), ("ws", None, None)):
        async with serve(
            echo, "127.0.0.1", 0, ssl=ours, max_size=None, ping_interval=0.05, ping_timeout=20
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            address = f"{scheme}://127.0.0.1:{port}"
            await asyncio.gather(*(talk(address, theirs, n) for n in range(30)))


run(main)
