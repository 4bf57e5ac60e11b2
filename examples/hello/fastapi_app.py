"""The smallest FastAPI application."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello() -> dict[str, str]:
    """Answers `GET /`."""
    return {"message": "Hello, world!"}
