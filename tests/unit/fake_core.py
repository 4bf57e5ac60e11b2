"""A stand-in for _core.HttpServer: remembers what it was told, and lets a test play the peers."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any


class FakeGuestLoop:
    """Never made: the loop of these tests counts as ours."""


class FakeHttpServer:
    def __init__(self, **options: Any) -> None:
        self.options = options
        self.loop = options.get("loop")
        self.calls: list[Any] = []
        self.access_log: tuple[Any, dict[str, Any]] | None = None
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.total_requests = 0
        self._listeners: list[socket.socket] = []
        self._admin_listeners: list[socket.socket] = []
        self._disconnected: list[asyncio.Future[None]] = []
        self._done: list[asyncio.Future[None]] = []

    # what the server calls

    def listen(self, fd: int, backlog: int) -> None:
        listener = socket.socket(fileno=os.dup(fd))
        self._listeners.append(listener)
        listener.listen(backlog)
        self.calls.append(("listen", backlog))

    def stop_listening(self) -> None:
        self.calls.append("stop_listening")
        while self._listeners:
            self._listeners.pop().close()

    def listen_admin(self, fd: int, backlog: int) -> None:
        listener = socket.socket(fileno=os.dup(fd))
        self._admin_listeners.append(listener)
        listener.listen(backlog)
        self.calls.append(("listen_admin", backlog))

    def stop_listening_admin(self) -> None:
        self.calls.append("stop_listening_admin")
        while self._admin_listeners:
            self._admin_listeners.pop().close()

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def abort(self) -> None:
        self.calls.append("abort")
        self.disconnect(self.connections)

    def wait_disconnected(self) -> asyncio.Future[None]:
        return _future(self._disconnected, done=self.connections == 0)

    def wait_tasks(self) -> asyncio.Future[None]:
        return _future(self._done, done=not self.tasks)

    def set_access_log(self, record: Callable[..., None] | None = None, **write: Any) -> None:
        self.access_log = (record, write)

    def close(self) -> None:
        self.stop_listening()
        self.calls.append("close")

    # what a test plays

    def connect(self) -> None:
        self.connections += 1

    def disconnect(self, count: int = 1) -> None:
        self.connections -= count
        if not self.connections:
            _finish(self._disconnected)

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def respond(self) -> None:
        self.total_requests += 1
        if self.total_requests == self.options["limit_max_requests"]:
            self.options["on_max_requests"]()

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not self.tasks:
            _finish(self._done)


def _future(waiting: list[asyncio.Future[None]], done: bool) -> asyncio.Future[None]:
    future = asyncio.get_running_loop().create_future()
    if done:
        future.set_result(None)
    else:
        waiting.append(future)
    return future


def _finish(waiting: list[asyncio.Future[None]]) -> None:
    while waiting:
        future = waiting.pop()
        if not future.done():
            future.set_result(None)
