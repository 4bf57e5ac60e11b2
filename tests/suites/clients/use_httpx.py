"""httpx (httpx2) over anyio against uvicorn: TLS, pool, upload, streamed reply, cancellation."""

import asyncio
import socket
from typing import Any

import httpx2 as httpx
import uvicorn
from harness import cancelled, raises, run, tls


async def app(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while scope["path"] == "/slow" and (await receive())["type"] != "http.disconnect":
        pass
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200})
    for _ in range(50 if scope["path"] == "/stream" else 0):
        await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
    await send({"type": "http.response.body", "body": b"%d" % size})


async def use(client: httpx.AsyncClient) -> None:
    replies = await asyncio.gather(*(client.post("/", content=b"x" * n) for n in range(200)))
    assert [reply.text for reply in replies] == [str(n) for n in range(200)]
    assert (await client.post("/", content=bytes(5_000_000))).text == "5000000"
    async with client.stream("GET", "/stream") as reply:
        assert sum([len(part) async for part in reply.aiter_raw()]) == 5_000_001
    await raises(httpx.ReadTimeout, client.get("/slow", timeout=0.2))
    await cancelled(client.get("/slow"))


async def main() -> None:
    server_tls, client_tls = tls()
    config = uvicorn.Config(app, lifespan="off", log_level="error")
    config.load()
    config.ssl = server_tls
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(
        base_url=f"https://127.0.0.1:{listener.getsockname()[1]}",
        verify=client_tls,
        limits=httpx.Limits(max_connections=10),
        timeout=20,
    ) as client:
        await use(client)
    server.should_exit = True
    await serving


run(main)
