"""fasterapi_asgi.lifespan: every way an application can take part, against uvicorn's own class."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.lifespan.on import LifespanOn as TheirLifespanOn

import fasterapi_asgi
from fasterapi_asgi.lifespan.off import LifespanOff
from fasterapi_asgi.lifespan.on import LifespanOn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

STARTED = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}


def script(*steps: Any) -> Callable[..., Awaitable[None]]:
    """Make an application that receives at None, sends dicts and raises exceptions."""

    async def app(_: dict[str, Any], receive: Receive, send: Send) -> None:
        for step in steps:
            if step is None:
                await receive()
            elif isinstance(step, dict):
                await send(step)
            else:
                raise step

    return app


BOOM = ValueError("boom")
FAILED = {"type": "lifespan.startup.failed", "message": "no database"}
SHUTDOWN_FAILED = {"type": "lifespan.shutdown.failed", "message": "cannot flush"}
APPLICATIONS = {
    "takes part": script(None, STARTED, None, STOPPED),
    "raises at once": script(BOOM),
    "returns at once": script(),
    "raises after receiving": script(None, BOOM),
    "fails": script(None, FAILED),
    "fails without a message": script(None, {"type": "lifespan.startup.failed"}),
    "fails and raises": script(None, FAILED, BOOM),
    "sends another message": script(None, {"type": "http.response.start"}),
    "sends shutdown first": script(None, STOPPED),
    "returns after startup": script(None, STARTED),
    "raises after startup": script(None, STARTED, BOOM),
    "completes startup twice": script(None, STARTED, STARTED),
    "raises at shutdown": script(None, STARTED, None, BOOM),
    "fails at shutdown": script(None, STARTED, None, SHUTDOWN_FAILED),
    "fails at shutdown and raises": script(None, STARTED, None, SHUTDOWN_FAILED, BOOM),
    "returns at shutdown": script(None, STARTED, None),
    "completes startup at shutdown": script(None, STARTED, None, STARTED),
    "raises after shutdown": script(None, STARTED, None, STOPPED, BOOM),
}


def life(module: Any, cls: Any, app: Any, mode: str, caplog: pytest.LogCaptureFixture) -> Any:
    """Start and stop one application; return what a server looks at, and what was logged."""
    caplog.clear()
    config = module.Config(app, lifespan=mode, log_config=None)

    async def main() -> list[Any]:
        config.load()
        lifespan = cls(config)
        await lifespan.startup()
        seen = [lifespan.should_exit, lifespan.error_occurred, lifespan.startup_failed]
        if not lifespan.should_exit:
            await lifespan.shutdown()
            seen += [lifespan.should_exit, lifespan.error_occurred, lifespan.shutdown_failed]
        return seen

    seen = asyncio.run(main())
    logged = [(r.name, r.levelname, r.getMessage(), bool(r.exc_info)) for r in caplog.records]
    return seen, [entry for entry in logged if entry[0].startswith("uvicorn")]


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize("app", APPLICATIONS.values(), ids=APPLICATIONS.keys())
def test_outcome_and_log_are_uvicorns(
    app: Any, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    expected = life(uvicorn, TheirLifespanOn, app, mode, caplog)
    assert life(fasterapi_asgi, LifespanOn, app, mode, caplog) == expected


def test_the_scope_is_that_of_the_specification() -> None:
    seen: list[Any] = []

    async def app(scope: dict[str, Any], _receive: Receive, _send: Send) -> None:
        seen.append(dict(scope))
        scope["state"]["key"] = "value"

    async def main() -> dict[str, Any]:
        config = fasterapi_asgi.Config(app, log_config=None)  # type: ignore[arg-type]
        config.load()
        lifespan = LifespanOn(config)
        await lifespan.startup()
        return lifespan.state

    assert asyncio.run(main()) == {"key": "value"}
    assert seen == [
        {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": {"key": "value"},
        }
    ]


def test_a_cancelled_lifespan_is_not_called_unsupported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        config = fasterapi_asgi.Config(APPLICATIONS["takes part"], log_config=None)
        config.load()
        await LifespanOn(config).startup()

    asyncio.run(main())  # its end cancels the application, which still waits for the shutdown
    assert "Application startup complete." in caplog.messages
    assert not [text for text in caplog.messages if "unsupported" in text]


def test_off_tells_the_application_nothing() -> None:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError("called")

    async def main() -> LifespanOff:
        config = fasterapi_asgi.Config(app, lifespan="off", log_config=None)
        config.load()
        lifespan = config.lifespan_class(config)
        await lifespan.startup()
        await lifespan.shutdown()
        return lifespan  # type: ignore[return-value]

    lifespan = asyncio.run(main())
    assert isinstance(lifespan, LifespanOff)
    assert (lifespan.should_exit, lifespan.state) == (False, {})
