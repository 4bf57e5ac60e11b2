"""fasterapi_asgi.EventLoop and signals: an idle loop hears them at once, and nothing is lost."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from loop_runner import DEADLINE, a_loop, environment, must_print, nothing_left, run, turn

from fasterapi_asgi import EventLoop, new_event_loop

IDLE = """
import asyncio, signal, sys
from fasterapi_asgi import new_event_loop
async def main():
    asyncio.get_running_loop().call_soon(lambda: print("ready", flush=True))
    await asyncio.Event().wait()
"""


def until_asleep(process: "subprocess.Popen[str]") -> None:
    """Wait until the process waits in the kernel."""
    deadline = time.monotonic() + DEADLINE
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < deadline
        time.sleep(0.001)


def end_by(program: str, number: int) -> tuple[int, str]:
    """Start the program, send it the signal when it is idle, return its end and what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", IDLE + program],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            until_asleep(process)
            process.send_signal(number)
            output, _ = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
        return process.returncode, output


@pytest.mark.parametrize(
    "program",
    [
        "runner = asyncio.Runner(loop_factory=new_event_loop)\n{}runner.run(main())",
        "loop = new_event_loop()\n{}loop.run_until_complete(main())",
    ],
    ids=["Runner", "run_until_complete"],
)
def test_ctrl_c_ends_an_idle_loop(program: str) -> None:
    program = program.format("try: ") + "\nexcept KeyboardInterrupt: print('interrupted')"
    code, output = end_by(program, signal.SIGINT)
    assert (code, output.splitlines()[0]) == (0, "interrupted")


def test_a_python_signal_handler_runs_while_the_loop_is_idle() -> None:
    program = """
loop = new_event_loop()
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
loop.run_until_complete(main())
"""
    assert end_by(program, signal.SIGTERM)[0] == signal.SIGTERM


def test_a_handler_of_the_loop_runs_while_the_loop_is_idle() -> None:
    program = """
loop = new_event_loop()
loop.add_signal_handler(signal.SIGTERM, loop.stop)
task = loop.create_task(main())
loop.run_forever()
task.cancel()
try: loop.run_until_complete(task)
except asyncio.CancelledError: print("stopped")
loop.close()
"""
    assert end_by(program, signal.SIGTERM) == (0, "stopped\n")


def wakeup_fd() -> int:
    fd = signal.set_wakeup_fd(-1)
    if fd != -1:
        signal.set_wakeup_fd(fd)
    return fd


def test_an_exception_of_a_python_handler_leaves_run_forever() -> None:
    def handler(*_: Any) -> None:
        raise LookupError("from the handler")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with a_loop() as loop:
            loop.call_soon(signal.setitimer, signal.ITIMER_REAL, 0.05)  # the loop is idle by then
            with pytest.raises(LookupError, match="from the handler"):
                loop.run_forever()
            turn(loop)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_signal_of_another_process_is_heard_long_before_the_next_timer() -> None:
    kill = "import os, sys, time; os.kill(int(sys.argv[1]), int(sys.argv[2]))"
    arguments = [sys.executable, "-c", f"{kill}; print(time.monotonic())"]
    arguments += [str(os.getpid()), str(int(signal.SIGUSR1))]
    heard: list[float] = []
    children: list[subprocess.Popen[str]] = []

    def handler(*_: Any) -> None:
        heard.append(time.monotonic())
        loop.stop()

    def start() -> None:
        children.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with a_loop() as loop:
            timer = loop.call_later(1000, loop.stop)
            loop.call_soon(start)
            loop.run_forever()
            timer.cancel()
            sent = float(children[0].communicate(timeout=DEADLINE)[0])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(heard) == 1
    assert heard[0] - sent < 1  # both read one clock; idle machines need less than 0.05


def test_children_are_heard_of_by_a_handler_and_waited_for_by_asyncio() -> None:
    async def main() -> tuple[bool, int]:
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, heard.set)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(3)")
        await heard.wait()
        code = await process.wait()
        return loop.remove_signal_handler(signal.SIGCHLD), code

    assert run(main) == (True, 3)
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL


@pytest.mark.parametrize("debug", [False, True])
def test_an_exception_of_a_python_handler_is_not_taken_for_one_of_the_loops_own_callback(
    debug: bool,
) -> None:
    class Struck(EventLoop):
        """A signal arrives while it reads what an earlier signal has left in its self-pipe."""

        def _process_self_data(self, data: bytes) -> None:  # noqa: ARG002
            signal.raise_signal(signal.SIGUSR1)

    def handler(*_: Any) -> None:
        raise LookupError("from the handler")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with nothing_left():
            loop = Struck()
            loop.set_debug(debug)
            loop._csock.send(b"\0")
            with pytest.raises(LookupError, match="from the handler"):
                loop.run_forever()
            loop.close()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_no_exception_of_a_handler_is_lost_whenever_the_signal_comes() -> None:
    must_print(
        f"""
import faulthandler, signal
from fasterapi_asgi import new_event_loop
faulthandler.dump_traceback_later({DEADLINE}, exit=True)
class Alarm(Exception): pass
def handler(*_): raise Alarm
signal.signal(signal.SIGALRM, handler)
loop = new_event_loop()
for number in range(3000):  # the timer ends anywhere between the call and the sleep
    loop.call_soon(signal.setitimer, signal.ITIMER_REAL, (number % 100 + 1) * 1e-6)
    try:
        loop.run_forever()
    except Alarm:
        continue
    raise SystemExit("the run ended by itself")
loop.close()
print("heard 3000 times")
""",
        "heard 3000 times\n",
    )


def test_add_and_remove_a_handler() -> None:
    async def main() -> tuple[int, bool, bool]:
        loop = asyncio.get_running_loop()
        got = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, got.set_result, 7)
        os.kill(os.getpid(), signal.SIGUSR1)
        return (
            await got,
            loop.remove_signal_handler(signal.SIGUSR1),
            loop.remove_signal_handler(signal.SIGUSR1),
        )

    assert run(main) == (7, True, False)
    assert wakeup_fd() == -1


def test_signals_wake_the_loop_after_the_last_handler_has_gone() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, print)
        loop.remove_signal_handler(signal.SIGUSR1)
        return wakeup_fd()

    assert run(main) != -1


def test_signals_wake_the_loop_after_a_nested_run_was_refused() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        other = new_event_loop()
        seen = [loop._csock.fileno()]  # type: ignore[attr-defined]
        for nested in (loop, other):
            with pytest.raises(RuntimeError, match="running"):
                nested.run_forever()
            seen.append(wakeup_fd())
        other.close()
        return seen

    seen = run(main)
    assert seen == seen[:1] * 3


def test_signals_wake_the_loop_after_another_loop_was_closed_in_it() -> None:
    other = new_event_loop()
    other.add_signal_handler(signal.SIGUSR1, print)

    async def main() -> tuple[int, int]:
        other.close()
        return wakeup_fd(), asyncio.get_running_loop()._csock.fileno()  # type: ignore[attr-defined]

    installed, own = run(main)
    assert installed == own


def test_a_signal_between_two_runs_is_told_by_the_second() -> None:
    with a_loop() as loop:
        got: list[int] = []

        def add() -> None:
            loop.add_signal_handler(signal.SIGUSR1, got.append, 1)
            loop.add_signal_handler(signal.SIGUSR2, loop.stop)

        loop.call_soon(add)
        turn(loop)
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        loop.run_forever()  # without the signal's byte it would wait for ever
        turn(loop)
        assert got == [1]
    assert wakeup_fd() == -1


@pytest.mark.parametrize("add_handler", [False, True])
def test_the_wakeup_fd_that_was_there_is_put_back(add_handler: bool) -> None:
    one, other = socket.socketpair()
    one.setblocking(False)
    with one, other:
        signal.set_wakeup_fd(one.fileno())
        try:
            with a_loop() as loop:
                if add_handler:
                    loop.call_soon(loop.add_signal_handler, signal.SIGUSR1, print)
                    loop.call_soon(loop.remove_signal_handler, signal.SIGUSR1)
                turn(loop)
                assert wakeup_fd() == one.fileno()
        finally:
            signal.set_wakeup_fd(-1)


def test_a_wakeup_fd_that_was_closed_meanwhile_is_not_put_back() -> None:
    one, other = socket.socketpair()
    one.setblocking(False)
    signal.set_wakeup_fd(one.fileno())
    with other, a_loop() as loop:
        loop.call_soon(one.close)
        turn(loop)
        assert wakeup_fd() == -1


def test_no_closed_fd_stays_behind_as_wakeup_fd() -> None:
    with a_loop() as loop:
        loop.add_signal_handler(signal.SIGUSR1, print)
        loop.call_soon(loop.remove_signal_handler, signal.SIGUSR1)
        turn(loop)
        assert wakeup_fd() == -1


def test_a_loop_in_another_thread_leaves_signals_alone() -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        with pytest.raises((RuntimeError, ValueError)):
            loop.add_signal_handler(signal.SIGUSR1, print)
        return loop.remove_signal_handler(signal.SIGUSR1)

    def in_thread() -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            results.append(runner.run(main()))
            results.append(wakeup_fds[0])

    results: list[object] = []
    wakeup_fds = [wakeup_fd()]
    with nothing_left():
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join(DEADLINE)
    assert results == [False, -1] and wakeup_fd() == -1
