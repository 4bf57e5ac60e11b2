"""fasterapi_asgi.EventLoop and fork(): the child gets none of the parent's loops and harms none."""

from pathlib import Path

import pytest
from loop_runner import must_print

BEGIN = f"""
import asyncio, contextlib, gc, os, signal, socket, sys, threading, warnings
sys.path.insert(0, {str(Path(__file__).parent)!r})
warnings.simplefilter("ignore", DeprecationWarning)  # of fork() beside threads
from fasterapi_asgi import new_event_loop

def in_child(body, *arguments):
    '''Run body in a child process until its end and return its exit status.'''
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = body(*arguments) or 0
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

async def give(value):
    await asyncio.sleep(0.001)
    return value
"""
REFUSAL = (
    "This event loop was made before os.fork() and belongs to the parent process: make a new one "
    "here with fasterapi_asgi.new_event_loop()"
)


def program(code: str, *lines: str) -> None:
    """The program must print these lines and end well."""
    must_print(BEGIN + code, "".join(f"{line}\n" for line in lines))


def test_the_child_is_told_why_the_parents_loop_is_refused_and_what_to_do() -> None:
    program(
        """
loop = new_event_loop()
loop.run_until_complete(give(1))
calls = [
    lambda: loop.run_forever(),
    lambda: loop.run_until_complete(give(1)),
    lambda: loop.call_soon(print),
    lambda: loop.call_soon_threadsafe(print),
    lambda: loop.call_later(1, print),
    lambda: loop.call_at(1, print),
    lambda: loop.create_task(give(1)),
    lambda: loop.add_reader(0, print),
    lambda: loop.add_signal_handler(signal.SIGUSR1, print),
    lambda: loop.run_in_executor(None, print),
    lambda: loop._run_once(),
]
def child():
    warnings.simplefilter("ignore")  # coroutines that were never awaited
    texts = set()
    for call in calls:
        try:
            call()
        except RuntimeError as error:
            texts.add(str(error))
        else:
            print("not refused")
    print(*texts, sep="\\n")
    print(loop.is_closed(), loop.is_running(), loop.remove_reader(0))
print(in_child(child))
print(loop.run_until_complete(give("the parent goes on")))
loop.close()
""",
        REFUSAL,
        "True False False",
        "0",
        "the parent goes on",
    )


@pytest.mark.parametrize(
    "farewell",
    [
        "loop.close()",
        "loop.stop(); loop.close(); loop.close()",
        "loop = transport = None; gc.collect()",
        "loop.remove_reader(one); loop.close(); transport.abort()",
        "loop.remove_signal_handler(signal.SIGUSR1); loop._selector.close(); loop._close_core()",
        "pass",
    ],
)
def test_whatever_the_child_does_with_the_loop_the_parents_goes_on(farewell: str) -> None:
    program(
        f"""
loop = new_event_loop()
one, other = socket.socketpair()
three, four = socket.socketpair()
heard = []
class Hear(asyncio.Protocol):
    def data_received(self, data):
        heard.append(data)
        other.send(b"x")
def readable():
    heard.append(one.recv(1))
    os.kill(os.getpid(), signal.SIGUSR1)
async def start():
    loop.add_signal_handler(signal.SIGUSR1, thread.start)
    loop.add_reader(one, readable)
    return await loop.create_connection(Hear, sock=three)
# Each event brings the next: a transport, a reader, a signal, a call of another thread.
thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(loop.stop))
transport, _ = loop.run_until_complete(start())
def child():
    global loop, transport
    with contextlib.suppress(RuntimeError):
        {farewell}
    gc.collect()
for _ in range(3):
    assert in_child(child) == 0
loop.call_soon(four.send, b"a")
loop.run_forever()
print(heard)
thread.join()
transport.close()
loop.remove_reader(one)
loop.run_until_complete(give(1))
loop.close()
for sock in (one, other, four): sock.close()
""",
        "[b'a', b'x']",
    )


def test_a_child_that_ends_as_python_ends_leaves_the_parents_loop_alone() -> None:
    program(
        """
warnings.simplefilter("ignore")
loop = new_event_loop()
one, other = socket.socketpair()
loop.add_reader(one, loop.stop)
child = os.fork()
if child == 0:
    sys.exit(0)  # the interpreter frees everything
print(os.waitpid(child, 0)[1])
loop.call_soon(other.send, b"x")
loop.run_forever()
print("heard")
""",
        "0",
        "heard",
    )


def test_a_callback_may_fork_and_the_child_may_run_a_loop_of_its_own() -> None:
    program(
        """
async def main():
    def child():
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            print(error)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            print(runner.run(give("of the child")))
        print(asyncio.new_event_loop().run_until_complete(give("of asyncio")))
    print(in_child(child))
    return await give("of the parent")
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    print(runner.run(main()))
    print(runner.run(main()))
""",
        *(["no running event loop", "of the child", "of asyncio", "0", "of the parent"] * 2),
    )


def test_a_child_that_returns_from_its_callback_leaves_the_parents_run_with_the_error() -> None:
    program(
        """
loop = new_event_loop()
children = []
def fork():
    children.append(os.fork())
loop.call_soon(fork)
def next_callback():
    os.waitpid(children[0], 0)
    print("another callback of the same turn")
loop.call_soon(next_callback)
loop.call_later(0.01, loop.stop)
try:
    loop.run_forever()
except RuntimeError as error:
    print(error, flush=True)
    print(loop.is_running(), signal.set_wakeup_fd(-1), flush=True)
    os._exit(0)
loop.close()
""",
        *[REFUSAL, "False -1", "another callback of the same turn"],
    )


def test_a_thread_may_fork_beside_the_running_loop() -> None:
    program(
        """
def child():
    print(loop.is_running(), loop.is_closed())
    loop.close()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        print(runner.run(give("of the child")))
async def main():
    print(await asyncio.to_thread(in_child, child))
    return await give("of the parent")
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    loop = runner.get_loop()
    print(runner.run(main()))
""",
        *["False True", "of the child", "0", "of the parent"],
    )


def test_signals_of_the_child_are_the_childs() -> None:
    program(
        """
async def main():
    loop = asyncio.get_running_loop()
    heard = []
    loop.add_signal_handler(signal.SIGTERM, heard.append, "SIGTERM")
    loop.add_signal_handler(signal.SIGINT, heard.append, "SIGINT")
    def child(number):
        signal.raise_signal(number)
        print("still alive")
    print(in_child(child, signal.SIGINT))  # Python's own KeyboardInterrupt
    print(in_child(child, signal.SIGTERM))
    await give(1)
    print(heard)
    signal.raise_signal(signal.SIGTERM)
    await give(1)
    print(heard)
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
""",
        *["KeyboardInterrupt ", "99", "-15", "[]", "['SIGTERM']"],
    )


def test_signals_of_the_child_do_not_wake_the_parent() -> None:
    program(
        """
loop = new_event_loop()
loop.call_soon(lambda: print(in_child(lambda: print(signal.set_wakeup_fd(-1)))))
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
""",
        *["-1", "0"],
    )


def test_code_that_runs_between_fork_and_exec_is_no_harm() -> None:
    program(
        """
import subprocess
async def main():
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    heard = asyncio.Event()
    loop.add_reader(one, heard.set)
    ended = subprocess.run([sys.executable, "-c", "print('child')"], preexec_fn=os.setsid,
                           stdout=subprocess.PIPE)
    other.send(b"x")
    await heard.wait()
    loop.remove_reader(one)
    print(ended.stdout)
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
""",
        "b'child\\n'",
    )


def test_processes_of_multiprocessing_that_were_forked_run_loops() -> None:
    program(
        """
import multiprocessing
context = multiprocessing.get_context("fork")
def work(number):
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(give(number * 2))
async def main():
    loop = asyncio.get_running_loop()
    with context.Pool(2) as pool:
        numbers = await asyncio.gather(*(
            asyncio.wrap_future(submit(pool, number)) for number in range(6)
        ))
        pool.close()
        pool.join()
    return numbers
def submit(pool, number):
    import concurrent.futures
    future = concurrent.futures.Future()
    pool.apply_async(work, (number,), callback=future.set_result)
    return future
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    print(runner.run(main()))
""",
        "[0, 2, 4, 6, 8, 10]",
    )


@pytest.mark.parametrize("factory", ["new_event_loop", "asyncio.new_event_loop"])
@pytest.mark.parametrize("farewell", ["loop.close()", "server.close()", "server.abort()", "pass"])
def test_a_server_goes_on_after_a_fork_in_its_application(farewell: str, factory: str) -> None:
    program(
        f"""
from core_server import GET, respond, serving
async def app(scope, receive, send):
    if scope["path"] == "/fork":
        assert in_child(child) == 0
    await respond(send)
def child():
    server, loop = place.core, place.loop
    with contextlib.suppress(RuntimeError):
        {farewell}
    del server, loop
    gc.collect()
async def main():
    global place
    async with serving(app) as place:
        place.loop = asyncio.get_running_loop()
        async with place.connect() as idle, place.connect() as peer:
            idle.write(b"GET / HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n")
            print(await idle.response())
            for path in (b"/fork", b"/", b"/fork", b"/"):
                peer.write(b"GET %s HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n" % path)
                print(await peer.response())
            idle.write(GET)
            print((await idle.all())[-2:])
        print((await place.ask())[-2:])
with asyncio.Runner(loop_factory={factory}) as runner:
    runner.run(main())
""",
        *(["b'ok'"] * 7),
    )


def test_descriptors_of_the_parents_loop_are_closed_in_the_child() -> None:
    program(
        """
def open_fds():
    links = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            links.append(os.readlink(f"/proc/self/fd/{fd}"))
    return links
new_event_loop().close()  # libuv keeps two for the process
def child():
    global loop
    del loop
    gc.collect()
    print(len(open_fds()) - len(before))
before = open_fds()
loop = new_event_loop()
print(in_child(child))
loop.run_until_complete(give(1))
loop.close()
""",
        *["0", "0"],
    )
