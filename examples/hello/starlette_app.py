"""The smallest Starlette application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(_request: Request) -> PlainTextResponse:
    """Answers `GET /`."""
    return PlainTextResponse("Hello, world!")


app = Starlette(routes=[Route("/", hello)])
