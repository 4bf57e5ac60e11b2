"""Stalled and flooding peers beside a client that is served: `python benchmarks/hostile.py`.

Prints how long the server kept each kind of stalled peer and what it told it, then the latency that
an ordinary client had meanwhile; then the same latency and the growth of the server's memory under
each flood by one connection. Everything runs over loopback.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/protocol"))

import wire
import wire_server

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CAP = 60.0  # seconds; the longest limit is 30
POST = wire.get("/upload", "Content-Length: 100000", method="POST")
CHUNKED = wire.get("/upload", "Transfer-Encoding: chunked", method="POST")
MEGABYTES = 64


async def sends(peer: Peer, data: bytes) -> None:
    peer[1].write(data)
    await peer[1].drain()


async def drips(peer: Peer, data: bytes) -> None:
    """Begin, then one byte per second."""
    await sends(peer, data)
    with contextlib.suppress(ConnectionError):
        while not peer[0].at_eof():
            await asyncio.sleep(1)
            await sends(peer, b"x")


async def is_answered(peer: Peer, data: bytes) -> None:
    await sends(peer, wire.get("/"))
    await peer[0].readuntil(b"root")
    await sends(peer, data)


STALLS: dict[str, tuple[Callable[[Peer, bytes], Awaitable[None]], bytes]] = {
    "says nothing": (sends, b""),
    "half a head": (sends, b"GET / HTTP/1.1\r\nHost: a\r\n"),
    "a head in drops": (drips, b"GET /"),
    "half a body": (sends, POST + b"half"),
    "a body in drops": (drips, POST),
    "half a chunk": (sends, CHUNKED + b"100\r\nhalf"),
    "idle after a response": (is_answered, b""),
    "half a second request": (is_answered, b"GET / HT"),
}
FLOODS: dict[str, tuple[bytes, bytes]] = {
    "one field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x" * 1024),
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n" * 100),
    "chunk extensions": (CHUNKED, b"1;name=value\r\nx\r\n" * 100),
    "chunks of a byte": (CHUNKED, b"1\r\nx\r\n" * 100),
    "requests": (b"", wire.get("/") * 10),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 100),
    "a body": (POST.replace(b"100000", b"1000000000"), b"x" * 4096),
}


async def stall(port: int, name: str) -> tuple[str, float, str]:
    """One stalled peer: how long it was kept, and the status line it saw."""
    peer = await asyncio.open_connection("127.0.0.1", port)
    act, data = STALLS[name]
    began, seen = time.monotonic(), b""
    acting = asyncio.ensure_future(act(peer, data))
    if act is is_answered:
        await acting
        began = time.monotonic()
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CAP):
            while part := await peer[0].read(65536):
                seen += part
    seconds = time.monotonic() - began
    acting.cancel()
    await asyncio.gather(acting, return_exceptions=True)
    peer[1].close()
    return name, seconds, seen.partition(b"\r\n")[0].decode()


async def probe(port: int, until: asyncio.Future[None]) -> list[float]:
    """An ordinary client: one request after the other, a few milliseconds apart."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    while not until.done():
        began = time.perf_counter()
        writer.write(wire.get("/"))
        await reader.readuntil(b"root")
        latencies.append(time.perf_counter() - began)
        await asyncio.sleep(0.002)
    writer.close()
    return sorted(latencies)


def quantiles(latencies: list[float]) -> str:
    def at(share: float) -> float:
        return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000

    return f"p50 {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms, max {at(1):.2f} ms"


async def stalls(port: int, count: int) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    probing = asyncio.ensure_future(probe(port, done))
    results = await asyncio.gather(*(stall(port, name) for name in STALLS for _ in range(count)))
    done.set_result(None)
    print(f"{'stalled peer':24}{'closed after':>14}  told")
    for name in STALLS:
        times = [seconds for one, seconds, _ in results if one == name]
        told = {status for one, _, status in results if one == name}
        print(f"{name:24}{max(times):>12.1f} s  {' / '.join(sorted(told)) or '-'}")
    print(f"the client beside {count * len(STALLS)} of them: {quantiles(await probing)}\n")


async def flood(port: int, begin: bytes, piece: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = asyncio.ensure_future(discard(reader))
    with contextlib.suppress(ConnectionError):
        writer.write(begin)
        for _ in range(MEGABYTES * (1 << 20) // len(piece)):
            writer.write(piece)
            await writer.drain()
            if reading.done():
                break
    writer.close()
    reading.cancel()


async def discard(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


async def floods(server: wire_server.WireServer) -> None:
    print(f"{'flood by one connection':24}{'memory':>12}  the client beside it")
    for name, (begin, piece) in FLOODS.items():
        before = server.resident_bytes
        server.forget_peak()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        probing = asyncio.ensure_future(probe(server.port, done))
        async with asyncio.timeout(CAP):
            await flood(server.port, begin, piece)
        await asyncio.sleep(0.5)
        done.set_result(None)
        growth = max(0, server.peak_resident_bytes - before) / 1024
        print(f"{name:24}{growth:>8.0f} KiB  {quantiles(await probing)}")


async def measure(server: wire_server.WireServer, count: int) -> None:
    await flood(server.port, *FLOODS["requests"])  # warms up
    await stalls(server.port, count)
    await floods(server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", default="fasterapi_asgi", help="the program: or uvicorn")
    parser.add_argument("--count", type=int, default=20, help="stalled peers of each kind")
    given = parser.parse_args()
    server = wire_server.WireServer("wire_app:app", "--no-access-log", program=given.server)
    try:
        asyncio.run(measure(server, given.count))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
