"""`pytest -p uvloop_tests`: of uvloop's own tests those that take asyncio's loop."""

import asyncio

import pytest
from record import LOOP, STOCK


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from uvloop import _testbase

    # What uvloop does better than asyncio is not asked of asyncio's loop, which it knows by the
    # name of its module.
    _testbase.AIOTestCase.is_asyncio_loop = lambda test: isinstance(
        test.loop, asyncio.BaseEventLoop
    )
    items[:] = [item for item in items if issubclass(item.cls, _testbase.AIOTestCase)]
    for item in items:
        if LOOP != STOCK and hasattr(item.cls, "NEW_LOOP"):  # the text of a program to start
            module, _, name = LOOP.partition(":")
            item.cls.NEW_LOOP = f"__import__({module!r}, fromlist=['']).{name}()"
