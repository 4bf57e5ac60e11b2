"""fasterapi_asgi._request: however an application ends, the cycle is told."""

import asyncio
from typing import Any

import pytest

from fasterapi_asgi._request import run_asgi


class Cycle:
    def __init__(self, problem: str | None = None) -> None:
        self.problem = problem
        self.calls: list[Any] = []

    def returned(self, result: object) -> str | None:
        self.calls.append(("returned", result))
        return self.problem

    def failed(self) -> None:
        self.calls.append("failed")


async def _run(app: Any, cycle: Any) -> None:
    await run_asgi(app, {"type": "http"}, None, None, cycle)  # type: ignore[arg-type]


def test_an_application_that_returns_is_reported_with_its_result(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(_scope: object, _receive: object, _send: object) -> None: ...

    cycle = Cycle()
    asyncio.run(_run(app, cycle))
    assert (cycle.calls, caplog.records) == ([("returned", None)], [])


def test_what_the_cycle_finds_wrong_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: object, _receive: object, _send: object) -> str:
        return "something"

    cycle = Cycle("ASGI callable returned without starting response.")
    asyncio.run(_run(app, cycle))
    assert cycle.calls == [("returned", "something")]
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("uvicorn.error", "ERROR", "ASGI callable returned without starting response.")
    ]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), asyncio.CancelledError()])
def test_an_application_that_raises_is_logged_with_its_traceback(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        raise error

    cycle = Cycle()
    asyncio.run(_run(app, cycle))
    assert cycle.calls == ["failed"]
    [record] = caplog.records
    assert (record.name, record.levelname) == ("uvicorn.error", "ERROR")
    assert record.getMessage() == "Exception in ASGI application\n"
    assert record.exc_info is not None and record.exc_info[1] is error


def test_a_cancelled_request_counts_as_failed_and_does_not_raise() -> None:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        await asyncio.Event().wait()

    async def main() -> list[Any]:
        cycle = Cycle()
        task = asyncio.ensure_future(_run(app, cycle))
        await asyncio.sleep(0)
        task.cancel()
        await task
        return cycle.calls

    assert asyncio.run(main()) == ["failed"]
