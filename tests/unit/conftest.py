"""For every unit test: loggers are put back, and the compiled module can be replaced by a fake."""

import asyncio
import copy
import logging
import sys
import types
from collections.abc import Iterator

import fake_core
import loop_runner
import pytest

import fasterapi_asgi
from fasterapi_asgi.config import LOGGING_CONFIG

LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


@pytest.fixture(autouse=True)
def loggers_are_put_back() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(log.handlers, log.filters[:], log.level, log.propagate) for log in loggers]
    for log in loggers:
        log.handlers = []
    formatters = copy.deepcopy(LOGGING_CONFIG["formatters"])
    yield
    LOGGING_CONFIG["formatters"] = formatters  # use_colors is written into it
    for log, (handlers, filters, level, propagate) in zip(loggers, before, strict=True):
        log.handlers, log.filters, log.propagate = handlers, filters, propagate
        log.setLevel(level)


@pytest.fixture
def core_is_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers run on asyncio's own loop with FakeHttpServer in place of the compiled one."""
    core = types.ModuleType("fasterapi_asgi._core")
    core.__dict__.update(
        HttpServer=fake_core.FakeHttpServer,
        GuestLoop=fake_core.FakeGuestLoop,
        LoopCore=asyncio.SelectorEventLoop,
        versions=lambda: {"libuv": "1.2.3", "llhttp": "4.5.6"},
    )
    loops = types.ModuleType("fasterapi_asgi.loops")
    loops.__dict__.update(
        EventLoop=asyncio.SelectorEventLoop, new_event_loop=asyncio.SelectorEventLoop
    )
    monkeypatch.setitem(sys.modules, core.__name__, core)
    monkeypatch.setitem(sys.modules, loops.__name__, loops)
    monkeypatch.setattr(fasterapi_asgi, "loops", loops, raising=False)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "uvicorn.error")
    return caplog


BESIDES = ("test_core_failures", "test_core_leaks", "test_core_limits", "test_core_scope")
BESIDES += ("test_core_send", "test_core_tasks", "test_awaitables", "test_encoded_heads")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What an application sees is tested on a loop that is not ours as well."""
    if metafunc.module.__name__ in BESIDES:
        metafunc.fixturenames.append("served_on")
        metafunc.parametrize("served_on", ["own", "guest"], indirect=True)


@pytest.fixture
def served_on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "guest":
        monkeypatch.setattr(loop_runner, "served_on", asyncio.new_event_loop)
