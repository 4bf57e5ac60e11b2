"""Sockets that the application owns: add_reader, and the loop's sock_ methods."""

import asyncio
import socket

from loops.meter import Meter

BATCH = 100


def add_reader(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Send one byte to and fro within the process; one event is one operation."""
    pair = socket.socketpair()
    left = BATCH

    def pass_on(mine: socket.socket) -> None:
        nonlocal left
        mine.recv(1)
        left -= 1
        if not left:
            left = BATCH
            if not meter.again(BATCH):
                loop.stop()
                return
        mine.send(b"x")

    for mine in pair:
        mine.setblocking(False)
        loop.add_reader(mine, pass_on, mine)
    pair[0].send(b"x")
    loop.run_forever()


async def sock_methods(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Do the same with two tasks that wait in sock_recv; one message is one operation."""
    pair = socket.socketpair()
    for end in pair:
        end.setblocking(False)

    async def pass_on(mine: socket.socket) -> None:
        while True:
            await loop.sock_recv(mine, 1)
            await loop.sock_sendall(mine, b"x")

    other = loop.create_task(pass_on(pair[1]))
    while meter.again(2):
        await loop.sock_sendall(pair[0], b"x")
        await loop.sock_recv(pair[0], 1)
    other.cancel()
