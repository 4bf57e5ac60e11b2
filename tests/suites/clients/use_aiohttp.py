"""aiohttp, server and client: TLS, Unix socket, pool, upload, sendfile, WebSocket, cancellation."""

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from aiohttp import BaseConnector, ClientSession, ClientTimeout, TCPConnector, UnixConnector, web
from harness import cancelled, raises, run, tls

FILE = Path(sys.executable)


async def handle(request: web.Request) -> web.StreamResponse:
    if request.path == "/slow":
        await asyncio.sleep(30)
    if request.path == "/socket":
        return await echo(request)
    if request.path == "/file":
        return web.FileResponse(FILE)
    size = sum([len(part) async for part in request.content.iter_any()])
    return web.Response(text=str(size))


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


async def use(base: str, connector: BaseConnector) -> None:
    async with ClientSession(base, connector=connector) as client:

        async def upload(size: int) -> str:
            async with client.post("/", data=io.BytesIO(bytes(size))) as reply:
                return await reply.text()

        sizes = [*range(200), 8_000_000]
        assert await asyncio.gather(*map(upload, sizes)) == list(map(str, sizes))
        async with client.get("/file") as reply:
            assert await reply.read() == FILE.read_bytes()  # noqa: ASYNC240
        async with client.ws_connect("/socket") as socket:
            for n in range(500):
                await socket.send_str(str(n))
                assert (await socket.receive()).data == str(n)
        await raises(asyncio.TimeoutError, client.get("/slow", timeout=ClientTimeout(total=0.2)))
        await cancelled(client.get("/slow"))


async def main() -> None:
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{any:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    server_tls, client_tls = tls()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_tls).start()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        await web.UnixSite(runner, path).start()
        (_, secure), (_, plain), _ = runner.addresses
        await use(f"https://127.0.0.1:{secure}", TCPConnector(limit=10, ssl=client_tls))
        await use(f"http://127.0.0.1:{plain}", TCPConnector(limit=10))
        await use("http://localhost", UnixConnector(path))
        await runner.cleanup()


run(main)
