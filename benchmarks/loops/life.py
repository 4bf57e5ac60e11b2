"""What is done seldom: making a loop, starting a process."""

import asyncio

from loops.meter import Meter


def make_and_close(loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Make a loop of the same type and close it without running it."""
    make = type(loop)
    while meter.again():
        make().close()


async def subprocess(_loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
    """Start a program that does nothing, wait for its end."""
    while meter.again():
        process = await asyncio.create_subprocess_exec("/bin/true")
        if await process.wait():
            raise ChildProcessError("/bin/true failed")
