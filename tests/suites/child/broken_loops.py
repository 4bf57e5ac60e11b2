"""Loops that are wrong on purpose: whatever judges a loop has to see it."""

import os
import signal
import threading
from typing import Any

from fasterapi_asgi import EventLoop


class TimersFireAtOnce(EventLoop):
    """No call waits for its time."""

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, _when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_at(self.time(), callback, *args, context=context)


class RefusesCallSoon(EventLoop):
    """Nothing is called."""

    def call_soon(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("this loop is broken on purpose")


class Hangs(EventLoop):
    """Runs, and never ends."""

    def run_forever(self) -> None:
        threading.Event().wait()


class Dies(EventLoop):
    """Takes the process with it."""

    def run_forever(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
