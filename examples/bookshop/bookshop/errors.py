"""The errors of the domain and their one translation to HTTP.

Routers and stores raise these; none of them needs to know a status code of its own.
"""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bookshop.schemas import Problem


class BookshopError(Exception):
    """Base of everything that may go wrong in the shop's own rules."""

    status_code = 400
    error = "bad_request"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(BookshopError):
    """There is no such author, book, order or file."""

    status_code = 404
    error = "not_found"


class Conflict(BookshopError):
    """The request contradicts what the shop already holds."""

    status_code = 409
    error = "conflict"


class OutOfStock(Conflict):
    """More was ordered than lies on the shelf."""

    error = "out_of_stock"


def add_error_handlers(app: FastAPI) -> None:
    """One handler for the base class serves every subclass."""
    app.add_exception_handler(BookshopError, _answer)


async def _answer(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, BookshopError)
    problem = Problem(error=exc.error, detail=exc.detail)
    return JSONResponse(problem.model_dump(), status_code=exc.status_code)
