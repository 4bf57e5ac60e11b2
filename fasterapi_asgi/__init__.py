"""fasterapi_asgi: an ASGI server that takes the place of uvicorn.

The names below are uvicorn's. ``EventLoop`` and ``new_event_loop`` are ours and are imported on
first use, because they load the compiled module.
"""

from typing import TYPE_CHECKING, Any

from fasterapi_asgi._version import __version__
from fasterapi_asgi.cache import immutable
from fasterapi_asgi.config import Config
from fasterapi_asgi.main import main, run
from fasterapi_asgi.server import Server

if TYPE_CHECKING:
    from fasterapi_asgi.loops import EventLoop, new_event_loop

__all__ = [
    "Config",
    "EventLoop",
    "Server",
    "__version__",
    "immutable",
    "main",
    "new_event_loop",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in ("EventLoop", "new_event_loop"):
        from fasterapi_asgi import loops

        return getattr(loops, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
