"""fasterapi_asgi.EventLoop and descriptors that change while they are watched: never an abort."""

import asyncio
import gc
import os
import socket
import threading
import weakref
from contextlib import suppress
from typing import Any

import pytest
from loop_runner import DEADLINE, a_loop, collect_errors, nothing_left, turn

from fasterapi_asgi import EventLoop, new_event_loop


def collect_twice() -> None:
    gc.collect()
    gc.collect()  # what __del__ of the first ones let go of


def until(loop: EventLoop, done: list[Any], count: int) -> None:
    """Let the loop turn until so many entries are in the list."""
    deadline = loop.time() + DEADLINE
    while len(done) < count:
        assert loop.time() < deadline
        turn(loop)


def test_a_reader_may_remove_itself() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        ran: list[bool] = []
        with one, other:
            loop.add_reader(one, lambda: ran.append(loop.remove_reader(one)))
            other.send(b"x")  # never read: it stays readable
            until(loop, ran, 1)
            turn(loop, 5)
        assert ran == [True]


def test_a_reader_may_replace_itself() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        ran: list[str] = []

        def first() -> None:
            ran.append("first")
            loop.add_reader(one, second)

        def second() -> None:
            ran.append("second")
            loop.remove_reader(one)

        with one, other:
            loop.add_reader(one, first)
            other.send(b"x")
            until(loop, ran, 2)
            turn(loop, 3)
        assert ran == ["first", "second"]


def test_a_reader_may_remove_the_writer_of_the_same_turn() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        ran: list[str] = []

        def readable() -> None:
            ran.append("reader")
            loop.remove_writer(one)
            loop.remove_reader(one)

        with one, other:
            other.send(b"x")
            loop.add_reader(one, readable)
            loop.add_writer(one, ran.append, "writer")
            until(loop, ran, 1)
            turn(loop, 3)
        assert ran == ["reader"]


def test_a_reader_may_remove_those_that_are_ready_in_the_same_turn() -> None:
    with a_loop() as loop:
        pairs = [socket.socketpair() for _ in range(10)]
        ran: list[int] = []

        def readable(number: int) -> None:
            ran.append(number)
            for one, _ in pairs:
                loop.remove_reader(one)

        for number, (one, other) in enumerate(pairs):
            other.send(b"x")
            loop.add_reader(one, readable, number)
        until(loop, ran, 1)
        turn(loop, 3)
        assert len(ran) == 1
        for pair in pairs:
            for sock in pair:
                sock.close()


def test_a_reader_may_close_its_own_socket_and_the_number_may_be_used_again() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        fd = one.fileno()
        ran: list[bytes] = []

        def close() -> None:
            loop.remove_reader(one)
            one.close()
            os.dup2(third.fileno(), fd)
            loop.add_reader(fd, again)

        def again() -> None:
            ran.append(os.read(fd, 1))
            loop.remove_reader(fd)
            os.close(fd)

        third, fourth = socket.socketpair()
        with other, third, fourth:
            loop.add_reader(one, close)
            other.send(b"x")
            fourth.send(b"y")
            until(loop, ran, 1)
        assert ran == [b"y"]


@pytest.mark.parametrize("writer", [False, True])
def test_a_number_that_is_used_again_under_a_watch_can_be_watched_anew(writer: bool) -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        fd = one.fileno()
        loop.add_reader(fd, print)
        if writer:
            loop.add_writer(fd, print)
        one.close()  # behind the loop's back
        other.close()
        again, other = socket.socketpair()
        with again, other:
            assert again.fileno() == fd
            turn(loop, 3)
            with suppress(OSError):  # asyncio's selector may notice, and forgets it then
                loop.remove_writer(fd)
            loop.remove_reader(fd)
            ran: list[bytes] = []
            loop.add_reader(fd, lambda: ran.append(again.recv(1)))
            other.send(b"x")
            until(loop, ran, 1)
            loop.remove_reader(fd)
        assert ran == [b"x"]


def test_a_number_that_is_used_again_needs_no_removal() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        fd = one.fileno()
        loop.add_reader(fd, print)
        one.close()
        other.close()
        again, other = socket.socketpair()
        with again, other:
            assert again.fileno() == fd
            ran: list[bytes] = []
            loop.add_reader(fd, lambda: ran.append(again.recv(1)))
            other.send(b"x")
            until(loop, ran, 1)
            loop.remove_reader(fd)
        assert ran == [b"x"]


def test_a_socket_closed_by_another_thread_while_the_loop_sleeps_is_no_harm() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()

        def close() -> None:
            one.close()
            other.close()
            loop.call_soon_threadsafe(loop.stop)

        loop.add_reader(one.fileno(), print)
        thread = threading.Thread(target=close)
        loop.call_soon(thread.start)
        loop.run_forever()
        thread.join(DEADLINE)


def test_a_loop_may_be_closed_with_descriptors_under_watch() -> None:
    with nothing_left():
        one, other = socket.socketpair()
        closed, _ = socket.socketpair()
        with one, other, _:
            loop = new_event_loop()
            loop.add_reader(one, print)
            loop.add_writer(one, print)
            loop.add_reader(closed, print)
            closed.close()
            turn(loop)
            loop.close()
            assert one.fileno() > 0 and one.getblocking()  # they are the user's
            with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
                loop.add_reader(one, print)
            assert loop.remove_reader(one) is False


def test_a_loop_cannot_be_closed_by_a_reader() -> None:
    with a_loop() as loop:
        errors = collect_errors(loop)
        one, other = socket.socketpair()

        def close() -> None:
            loop.remove_reader(one)
            loop.close()

        with one, other:
            loop.add_reader(one, close)
            other.send(b"x")
            until(loop, errors, 1)
        assert str(errors[0]["exception"]) == "Cannot close a running event loop"


def test_a_watched_descriptor_stays_blocking_and_open() -> None:
    with a_loop() as loop:
        one, other = socket.socketpair()
        with one, other:
            loop.add_reader(one, print)
            turn(loop)
            loop.remove_reader(one)
            assert one.getblocking() and other.getblocking()


def test_a_forgotten_loop_with_readers_transports_and_servers_is_collected() -> None:
    async def begin() -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(one, print, loop)
        loop.add_signal_handler(10, print, loop)
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        loop.call_later(1000, print, loop, server, reader, writer)
        tasks.append(loop.create_task(reader.read()))
        await asyncio.sleep(0)

    tasks: list[Any] = []
    one, other = socket.socketpair()
    with one, other, nothing_left():
        loop = new_event_loop()
        collect_errors(loop)
        loop.run_until_complete(begin())
        loop.remove_signal_handler(10)
        gone = weakref.ref(loop)
        del loop
        tasks.clear()
        with pytest.warns(ResourceWarning, match="unclosed"):
            collect_twice()
        assert gone() is None


def test_many_threads_make_use_and_close_loops_at_once() -> None:
    async def use() -> bytes:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"abc\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            await asyncio.to_thread(int)
        return line

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def work() -> None:
        for _ in range(10):
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                lines.append(runner.run(use()))

    lines: list[bytes] = []
    with nothing_left():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
    assert lines == [b"ABC\n"] * 40
