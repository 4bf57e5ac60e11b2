"""fasterapi_asgi.lifespan.off: no lifespan events at all. uvicorn's --lifespan off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasterapi_asgi.config import Config


class LifespanOff:
    """Has the attributes of :class:`fasterapi_asgi.lifespan.on.LifespanOn` and does nothing."""

    def __init__(self, config: Config) -> None:  # noqa: ARG002 (LifespanOn's signature)
        self.should_exit = False
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""
