"""fasterapi_asgi.lifespan.on: ASGI's lifespan protocol (asgiref, specs/lifespan.rst).

The application runs in a task of its own from start to stop. One object serves one start and one
stop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasterapi_asgi._types import Message
    from fasterapi_asgi.config import Config

_WRONG_ORDER = "Got invalid state transition on lifespan protocol."


class LifespanOn:
    """Sends ``lifespan.startup`` and ``lifespan.shutdown`` and waits for the answers.

    Args:
        config: A loaded configuration. Its ``lifespan`` says whether an application that raises is
            one that does not know the protocol (``auto``) or a failure (``on``).

    Attributes:
        should_exit: The start or the stop has failed.
        state: What the application keeps for its requests; each gets a shallow copy as
            ``scope["state"]``.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.logger = logging.getLogger("uvicorn.error")
        self.startup_event = asyncio.Event()
        self.shutdown_event = asyncio.Event()
        self.receive_queue: asyncio.Queue[Message] = asyncio.Queue()
        self.error_occurred = False
        self.startup_failed = False
        self.shutdown_failed = False
        self.should_exit = False
        self.state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Start the application; wait until it says that it is ready, or ends."""
        self.logger.info("Waiting for application startup.")
        self._task = asyncio.create_task(self.main())  # kept: the loop holds tasks only weakly
        self.receive_queue.put_nowait({"type": "lifespan.startup"})
        await self.startup_event.wait()
        if self.startup_failed or self._error_counts():
            self.logger.error("Application startup failed. Exiting.")
            self.should_exit = True
        else:
            self.logger.info("Application startup complete.")

    async def shutdown(self) -> None:
        """Tell the application to stop and wait until it has; nothing to do if it has raised."""
        if self.error_occurred:
            return
        self.logger.info("Waiting for application shutdown.")
        self.receive_queue.put_nowait({"type": "lifespan.shutdown"})
        await self.shutdown_event.wait()
        if self.shutdown_failed or self._error_counts():
            self.logger.error("Application shutdown failed. Exiting.")
            self.should_exit = True
        else:
            self.logger.info("Application shutdown complete.")

    def _error_counts(self) -> bool:
        return self.error_occurred and self.config.lifespan == "on"

    async def main(self) -> None:
        """Run the application; the body of its task."""
        scope: dict[str, Any] = {
            "type": "lifespan",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.config.loaded_app(scope, self.receive, self.send)
        except (asyncio.CancelledError, GeneratorExit):  # the loop ends, not the application
            self.error_occurred = True
            raise
        except BaseException as error:
            self.error_occurred = True
            self._report(error)
        finally:
            self.startup_event.set()
            self.shutdown_event.set()

    def _report(self, error: BaseException) -> None:
        if self.startup_failed or self.shutdown_failed:
            return  # the application has said so itself
        if self.config.lifespan == "auto":
            self.logger.info("ASGI 'lifespan' protocol appears unsupported.")
        else:
            self.logger.error("Exception in 'lifespan' protocol\n", exc_info=error)

    async def receive(self) -> Message:
        """Return the next event; the application's ``receive``."""
        return await self.receive_queue.get()

    async def send(self, message: Message) -> None:
        """Take an answer; the application's ``send``.

        Raises:
            AssertionError: a message of another protocol, or in the wrong order.
        """
        phase, _, outcome = message["type"].removeprefix("lifespan.").partition(".")
        if phase not in ("startup", "shutdown") or outcome not in ("complete", "failed"):
            raise AssertionError(f"Unexpected message {message['type']!r} on lifespan protocol.")
        if self.shutdown_event.is_set() or self.startup_event.is_set() != (phase == "shutdown"):
            raise AssertionError(_WRONG_ORDER)
        if outcome == "failed":
            if message.get("message"):
                self.logger.error(message["message"])
            setattr(self, f"{phase}_failed", True)
        (self.startup_event if phase == "startup" else self.shutdown_event).set()
