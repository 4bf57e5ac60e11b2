"""The entry point: `fasterapi-asgi main:app` serves the bookshop."""

from bookshop.app import create_app

app = create_app()
