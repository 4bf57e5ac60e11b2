"""An HttpServer on the running loop, and uvicorn's protocol in the same place, to be compared."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from fasterapi_asgi._core import HttpServer
from fasterapi_asgi._http_server import close_http_server, host_of_the_running_loop
from fasterapi_asgi._request import run_asgi

App = Callable[[dict[str, Any], Any, Any], Any]
LOGGER = logging.getLogger("uvicorn.error")
GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"", "more_body": False}


def with_length(body: bytes) -> dict[str, Any]:
    length = str(len(body)).encode()
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}


async def respond(send: Any, body: bytes = b"ok") -> None:
    """A whole response, with its length, so that the connection may go on."""
    await send(with_length(body))
    await send({"type": "http.response.body", "body": body})


async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 (ASGI's signature)
    await respond(send)


class Peer:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self, body_size: int = 2) -> bytes:
        """One response whose body has a known length; its body is returned."""
        await self.reader.readuntil(b"\r\n\r\n")
        return await self.reader.readexactly(body_size)

    async def all(self) -> bytes:
        """What comes until the server closes; a reset ends it, too."""
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := await self.reader.read(65536):
                parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """End the connection by a reset, which the server cannot take for a half-closed one."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Place:
    """A server that listens on a free port of this machine."""

    def __init__(self, sock: socket.socket, core: Any = None) -> None:
        self.sock, self.core = sock, core
        self.address: tuple[str, int] = sock.getsockname()[:2]

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Peer]:
        peer = Peer(*await asyncio.open_connection(*self.address))
        try:
            yield peer
        finally:
            peer.close()
            with contextlib.suppress(ConnectionError):
                await peer.writer.wait_closed()

    async def ask(self, raw: bytes = GET) -> bytes:
        """Send the bytes and return everything that comes until the server closes."""
        async with self.connect() as peer:
            peer.write(raw)
            return await peer.all()


def new_server(app: App = answer, **options: Any) -> HttpServer:
    loop = options.pop("loop", None) or host_of_the_running_loop()
    required = {"loop": loop, "logger": LOGGER, "state": {}}
    return HttpServer(app=app, run_asgi=run_asgi, **{**required, **options})


@contextlib.asynccontextmanager
async def serving(app: App = answer, **options: Any) -> AsyncIterator[Place]:
    """Serve by HttpServer; at the end it must be possible to close it gracefully."""
    core = new_server(app, **options)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        core.listen(sock.fileno(), 100)
        try:
            yield Place(sock, core)
            core.stop_listening()
            core.shutdown()
            await core.wait_disconnected()
            await core.wait_tasks()
        finally:
            close_http_server(core)


@contextlib.asynccontextmanager
async def uvicorn_serving(app: App, **options: Any) -> AsyncIterator[Place]:
    """Serve by uvicorn's httptools protocol, as its server does."""
    config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, **options)
    config.load()
    state = ServerState()
    state.default_headers = config.encoded_headers
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpToolsProtocol(config=config, server_state=state, app_state={}), sock=sock
        )
        try:
            yield Place(sock)
        finally:
            for connection in list(state.connections):
                connection.shutdown()
            server.close()
            if state.tasks:
                await asyncio.wait(state.tasks)
            while state.connections:  # noqa: ASYNC110 (there is no event to wait for)
                await asyncio.sleep(0)


def status_of(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def body_of(response: bytes) -> bytes:
    return response.partition(b"\r\n\r\n")[2]
