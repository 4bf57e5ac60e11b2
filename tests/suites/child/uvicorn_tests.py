"""`pytest -p uvicorn_tests`: every `uvicorn.Config` names the loop under test.

In a subprocess of the server too: a `Config` travels there with its `loop`.
"""

import functools
from typing import Any

import uvicorn
from record import LOOP, STOCK

CHOSEN = "asyncio" if LOOP == STOCK else LOOP
stock_init = uvicorn.Config.__init__


@functools.wraps(stock_init)
def init(config: uvicorn.Config, *args: Any, **options: Any) -> None:
    stock_init(config, *args, **options)
    if config.loop in ("auto", "asyncio"):
        config.loop = CHOSEN


uvicorn.Config.__init__ = init  # type: ignore[method-assign]
