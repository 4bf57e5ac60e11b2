"""One case on one loop: `worker.py LOOP CASE WARM_UP SECONDS`; prints the figures as JSON."""

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from suite import machine

from loops.cases import BY_NAME
from loops.meter import Meter


def _ours() -> asyncio.AbstractEventLoop:
    from fasterapi_asgi import EventLoop

    return EventLoop()


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.Loop()


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "fasterapi_asgi": _ours,
    "uvloop": _uvloop,
    "asyncio": asyncio.SelectorEventLoop,
}


def main(kind: str, name: str, warm_up: str, seconds: str) -> None:
    """Measure on the first core, print, and leave."""
    os.sched_setaffinity(0, {machine.SERVER_CORE})
    meter = Meter(float(warm_up), float(seconds))
    loop = LOOPS[kind]()
    asyncio.set_event_loop(loop)
    running = BY_NAME[name].run(loop, meter)
    if inspect.iscoroutine(running):
        loop.run_until_complete(running)
    print(json.dumps(meter.figures), flush=True)
    os._exit(0)  # open connections and idle threads go with the process


if __name__ == "__main__":
    main(*sys.argv[1:])
