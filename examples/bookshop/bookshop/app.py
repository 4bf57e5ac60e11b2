"""Puts the parts together."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from bookshop.broker import EventBroker
from bookshop.database import Database
from bookshop.errors import add_error_handlers
from bookshop.middleware import RequestContextMiddleware
from bookshop.routers import authors, books, events, files, orders, shop
from bookshop.seed import seed
from bookshop.settings import Settings
from bookshop.state import BookshopState, Statistics

log = logging.getLogger("bookshop")

STATIC_FOLDER = Path(__file__).with_name("static")


def create_app(settings: Settings | None = None) -> FastAPI:
    """Returns a shop that opens its database when the server starts it."""
    settings = settings or Settings.from_environment()
    _configure_logging()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[BookshopState]:
        async with _open_shop(settings) as state:
            yield state

    app = FastAPI(title="Bookshop", lifespan=lifespan, max_body_size=settings.max_body_bytes)
    _add_middleware(app, settings)
    add_error_handlers(app)
    for module in (shop, authors, books, orders, files, events):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER, html=True), name="static")
    return app


@asynccontextmanager
async def _open_shop(settings: Settings) -> AsyncIterator[BookshopState]:
    """Opens what needs closing; the scratch folder is the default place for everything."""
    with TemporaryDirectory(prefix="bookshop-") as scratch:
        url = settings.database_url or f"sqlite+aiosqlite:///{scratch}/bookshop.db"
        files_folder = settings.files_folder or Path(scratch, "files")
        files_folder.mkdir(parents=True, exist_ok=True)
        database = Database(url)
        try:
            await database.create_tables()
            await seed(database)
            log.info("Bookshop is open")
            yield {
                "database": database,
                "broker": EventBroker(),
                "files_folder": files_folder,
                "statistics": Statistics(),
            }
        finally:
            await database.close()
            log.info("Bookshop is closed")


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last one added is the outermost: the request id is on every response, CORS' too."""
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Content-Type"],
        expose_headers=["X-Request-ID"],
    )
    app.add_middleware(RequestContextMiddleware)


def _configure_logging() -> None:
    """Shows our own log lines; the server configures its own loggers and no others."""
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s:     %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
