"""grpc.aio, whose own thread wakes the loop by add_reader: calls, streams, deadline, cancel."""

import asyncio
from collections.abc import AsyncIterator

import grpc
from harness import cancelled, raises, run


async def double(request: bytes, _context: object) -> bytes:
    return request * 2


async def sleep(_request: bytes, _context: object) -> None:
    await asyncio.sleep(30)


async def echo(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


HANDLERS = {
    "double": grpc.unary_unary_rpc_method_handler(double),
    "sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "echo": grpc.stream_stream_rpc_method_handler(echo),
}


async def main() -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("suite", HANDLERS)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call, slow = channel.unary_unary("/suite/double"), channel.unary_unary("/suite/sleep")
        replies = await asyncio.gather(*(call(b"%d" % n) for n in range(300)))
        assert replies == [b"%d" % n * 2 for n in range(300)]
        stream = channel.stream_stream("/suite/echo")(iter([b"x" * 10_000] * 200))
        assert [len(part) async for part in stream] == [10_000] * 200
        error = await raises(grpc.aio.AioRpcError, slow(b"", timeout=0.2))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await cancelled(slow(b"", timeout=20))
        assert await call(b"ab") == b"abab"
    await server.stop(grace=1)


run(main)
