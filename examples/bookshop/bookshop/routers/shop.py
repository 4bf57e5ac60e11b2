"""The front door, the heartbeat and a way to see a failure."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from bookshop.schemas import About, Heartbeat
from bookshop.state import Statistics

router = APIRouter(tags=["shop"])


@router.get("/", include_in_schema=False)
async def front_door() -> RedirectResponse:
    """Leads to the static page."""
    return RedirectResponse("/static/")


@router.head("/heartbeat", include_in_schema=False)
@router.get("/heartbeat", response_model=Heartbeat)
async def heartbeat() -> dict[str, str]:
    """For load balancers: touches nothing but the event loop, so it says that this one turns."""
    return {"status": "alive"}


@router.get("/about", response_model=About)
async def about(request: Request) -> dict[str, object]:
    """What the lifespan put into `request.state`."""
    statistics: Statistics = request.state.statistics
    return {
        "name": request.app.title,
        "started_at": statistics.started_at,
        "requests": statistics.requests,
    }


@router.get("/debug/error", include_in_schema=False)
async def fail() -> None:
    """Raises what no handler expects: the client sees a 500, the log a traceback."""
    raise RuntimeError("the shelf fell over")
