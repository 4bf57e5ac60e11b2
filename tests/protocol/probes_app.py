"""An application whose start-up takes until somebody has opened and closed a FIFO."""

import asyncio
import os
from pathlib import Path
from typing import Any

from wire_app import read_body, reply

FIFO = "PROBES_FIFO"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await asyncio.to_thread(Path(os.environ[FIFO]).read_bytes)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await reply(send, scope["path"].encode() + await read_body(receive))
