"""Puts another event loop wherever asyncio names its selector loop, and counts the loops made."""

import asyncio
import functools
import importlib
from asyncio import unix_events
from collections.abc import Callable
from typing import Any

NAMES = ("SelectorEventLoop", "EventLoop", "_UnixSelectorEventLoop")


class Substitute:
    """Stands where ``SelectorEventLoop`` stood: callable, subclassable, good for isinstance.

    A selector argument is dropped: how the loop waits is its own affair.
    """

    def __init__(self, factory: Callable[[], Any]) -> None:
        probe = factory()
        probe.close()
        self.factory = factory
        self.type = type(probe)
        self.__name__ = asyncio.SelectorEventLoop.__name__  # some suites name tests after it
        self.made = 0
        self._count_instances()

    def _count_instances(self) -> None:
        # At the type and not in __call__: a suite may also take the factory by its own name.
        init = self.type.__init__

        @functools.wraps(init)
        def counted(loop: Any, *args: Any) -> None:
            self.made += 1
            init(loop, *args)

        self.type.__init__ = counted

    def __call__(self, _selector: Any = None) -> Any:
        return self.factory()

    def __instancecheck__(self, loop: object) -> bool:
        return isinstance(loop, self.type)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return (self.type,)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.type, name)


def attribute(spec: str) -> Any:
    """The object that "module:name" names."""
    module, _, name = spec.partition(":")
    return getattr(importlib.import_module(module), name)


def substitute(spec: str) -> Substitute:
    """Put the loop of the factory "module:name" in asyncio's place, in this process."""
    stand_in = Substitute(attribute(spec))
    for place in (asyncio, unix_events):
        for name in NAMES:
            if hasattr(place, name):
                setattr(place, name, stand_in)
    for policy in vars(unix_events).values():
        if isinstance(policy, type) and "_loop_factory" in vars(policy):
            policy._loop_factory = stand_in
    return stand_in
