"""Subprocesses: a pipeline of three that the loop carries, back-pressure, timeout, cancellation."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

from harness import cancelled, raises, run

LINES = 200_000
SOURCE = f"for n in range({LINES}): print(n)"
SINK = "import sys; print(sum(map(int, sys.stdin)))"


async def python(program: str, **streams: int) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", program, **streams)


async def pipeline() -> int:
    """Source, then `cat`, whose both ends are ours to carry, then the sink."""
    source = await python(SOURCE, stdout=PIPE)
    middle = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    sink = await python(SINK, stdin=PIPE, stdout=PIPE)
    assert source.stdout and middle.stdin and middle.stdout and sink.stdin and sink.stdout

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(10_000):
            writer.write(part)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(carry(source.stdout, middle.stdin), carry(middle.stdout, sink.stdin))
    total = int(await sink.stdout.read())
    assert await asyncio.gather(source.wait(), middle.wait(), sink.wait()) == [0, 0, 0]
    return total


async def main() -> None:
    totals = await asyncio.gather(*(pipeline() for _ in range(3)))
    assert totals == [sum(range(LINES))] * 3
    sleeper = await python("import time; time.sleep(60)", stdin=DEVNULL)
    await raises(asyncio.TimeoutError, asyncio.wait_for(sleeper.wait(), 0.2))
    await cancelled(sleeper.wait())
    os.kill(sleeper.pid, signal.SIGTERM)
    assert await asyncio.wait_for(sleeper.wait(), 20) == -signal.SIGTERM


run(main)
