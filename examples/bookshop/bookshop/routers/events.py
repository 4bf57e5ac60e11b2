"""Server-sent events: what happens in the shop, while it happens."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bookshop.dependencies import BrokerDep
from bookshop.schemas import OpenStreams

router = APIRouter(prefix="/events", tags=["events"])


@router.get("", response_class=EventSourceResponse)
async def stream_events(
    broker: BrokerDep,
    limit: Annotated[int | None, Query(ge=1, description="end after so many events")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """A `welcome` event, then every event of the shop until the client leaves.

    When it does, the generator is cancelled at its `await`, and leaving the `with` block gives
    the queue back. FastAPI sends a comment every 15 seconds so that proxies keep the line open.
    """
    with broker.subscribe() as queue:
        yield ServerSentEvent(event="welcome", data={"open_streams": broker.open_streams})
        sent = 1
        while limit is None or sent < limit:
            yield await queue.get()
            sent += 1


@router.get("/open", response_model=OpenStreams)
async def count_open_streams(broker: BrokerDep) -> dict[str, int]:
    """How many event streams this process serves now."""
    return {"open_streams": broker.open_streams}
