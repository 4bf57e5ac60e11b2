"""Carries events from whoever publishes them to every open event stream of this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.sse import ServerSentEvent

QUEUE_LIMIT_EVENTS = 100


class EventBroker:
    """Used from the event loop's thread only, so it needs no lock.

    With several workers each process has its own broker; events that must reach the clients of
    all workers need a broker outside, such as Redis.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[ServerSentEvent]] = set()

    @property
    def open_streams(self) -> int:
        """How many streams are open now."""
        return len(self._queues)

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[ServerSentEvent]]:
        """Gives a queue of the events published from now on; leaving the block ends it."""
        queue: asyncio.Queue[ServerSentEvent] = asyncio.Queue(QUEUE_LIMIT_EVENTS)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def publish(self, event: ServerSentEvent) -> None:
        """Hands the event to every stream; one that lags too far behind misses it."""
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(event)
