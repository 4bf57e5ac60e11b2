"""Many mixed requests, then: is the server as it was? `python benchmarks/soak.py`.

Peers keep connections alive, pipeline, upload, stream, send in pieces, break HTTP, and end at any
moment by a reset, a close or a half-close, some dozens of them at a time. Meanwhile and behind it
the server is asked for what it holds. Exits with 1 if an answer was wrong, or if descriptors,
tasks, C++ objects (of a debug build) or more than a mebibyte are left.
"""

import argparse
import contextlib
import json
import random
import socket
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import machine, servers

SERVERS = ("fasterapi_asgi", "guest-of-asyncio", "guest-of-uvloop")
AT_ONCE = 40  # peers
SAMPLES = 25  # of what the server holds
WARM_UP = 5  # samples that do not count
MOST_GROWTH_KIB = 1024
PATIENCE = 20  # seconds, for every read and write
RESET = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")

GET = servers.HELLO
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
OLD = GET.replace(b"HTTP/1.1", b"HTTP/1.0")
STREAM = GET.replace(b"GET / ", b"GET /stream ")
BODY = b"b" * 3000
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + BODY
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED += b"bb8;x=y\r\n" + BODY + b"\r\n0\r\nX-Trailer: x\r\n\r\n"
EXPECTING = POST.replace(b"Content", b"Expect: 100-continue\r\nContent")
BAD = (
    b"nonsense\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    GET.replace(b"Host", b"Host : a\r\nHost"),
    CHUNKED.replace(b"bb8", b"xyz"),
    GET.replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
    GET.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 70000 + b"\r\n\r\n"),
)


class WrongAnswerError(Exception):
    """The server did not answer as it must."""


class Peer:
    """A connection that says what it likes."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._socket.close()

    def read_until(self, end: bytes, times: int = 1) -> None:
        """Read up to the last of so many ends.

        Raises:
            WrongAnswerError: the server closed before.
        """
        while self._received.count(end) < times:
            if not self._receive():
                raise WrongAnswerError(f"no {end!r} in {self._received[-200:]!r}")
        self._received = self._received.rpartition(end)[2]

    def read_to_end(self, begin: bytes) -> None:
        """Read until the server closes.

        Raises:
            WrongAnswerError: what came does not begin so.
        """
        while self._receive():
            pass
        if not self._received.startswith(begin):
            raise WrongAnswerError(f"{begin!r} expected, {self._received[:200]!r} received")

    def _receive(self) -> bool:
        data = self._socket.recv(65536)
        self._received += data
        return bool(data)


# Each yields where other peers may have their turn, and returns how many requests it has begun.
Scenario = Generator[None, None, int]


def kept_alive(peer: Peer, chance: random.Random) -> Scenario:
    count = chance.randrange(1, 40)
    for _ in range(count):
        data, end = chance.choice(((GET, b"Hello, world!"), (POST, BODY), (CHUNKED, BODY)))
        peer.send(data)
        yield
        peer.read_until(end)
    return count


def pipelined(peer: Peer, chance: random.Random) -> Scenario:
    count = chance.randrange(2, 32)
    peer.send(GET * count)
    yield
    peer.read_until(b"Hello, world!", count)
    return count


def expecting(peer: Peer, _: random.Random) -> Scenario:
    peer.send(EXPECTING[: -len(BODY)])
    yield
    peer.read_until(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.send(BODY)
    yield
    peer.read_until(BODY)
    return 1


def streamed(peer: Peer, _: random.Random) -> Scenario:
    peer.send(STREAM)
    yield
    peer.read_until(b"\r\n0\r\n\r\n")
    return 1


def closing(peer: Peer, chance: random.Random) -> Scenario:
    peer.send(chance.choice((CLOSING, OLD)))
    yield
    peer.read_to_end(b"HTTP/1.1 200")
    return 1


def half_closed(peer: Peer, chance: random.Random) -> Scenario:
    peer.send(chance.choice((GET, POST, STREAM, GET + POST)))
    peer.half_close()
    yield
    peer.read_to_end(b"HTTP/1.1 200")
    return 1


def in_pieces(peer: Peer, chance: random.Random) -> Scenario:
    data, end = chance.choice(((GET, b"Hello, world!"), (POST, BODY), (CHUNKED, BODY)))
    while data:
        size = chance.choice((1, 5, 50, 1000))
        peer.send(data[:size])
        data = data[size:]
        yield
    peer.read_until(end)
    return 1


def refused(peer: Peer, chance: random.Random) -> Scenario:
    peer.send(chance.choice(BAD))
    yield
    peer.read_to_end(b"HTTP/1.1 ")
    return 1


def broken_off(peer: Peer, chance: random.Random) -> Scenario:
    data = chance.choice((GET, POST, CHUNKED, STREAM, GET * 5 + STREAM, EXPECTING, *BAD))
    peer.send(data[: chance.randrange(len(data) + 1)])
    if chance.random() < 0.7:
        yield
    chance.choice((peer.reset, peer.close))()
    return 1


def unread(peer: Peer, chance: random.Random) -> Scenario:
    peer.send(STREAM * 20)  # more than the kernel takes
    yield
    peer.read_until(b"\r\n\r\n")
    for _ in range(chance.randrange(5)):
        yield
    chance.choice((peer.reset, peer.close))()
    return 1


SCENARIOS: dict[Callable[[Peer, random.Random], Scenario], int] = {
    kept_alive: 20,
    pipelined: 10,
    expecting: 5,
    streamed: 5,
    closing: 10,
    half_closed: 10,
    in_pieces: 10,
    refused: 5,
    broken_off: 20,
    unread: 2,
}


class Crowd:
    """So many peers at a time, each at its own point of its scenario."""

    def __init__(self, port: int, chance: random.Random) -> None:
        """Begin with nobody."""
        self._port, self._chance = port, chance
        self._present: list[Scenario] = []
        self.requests = 0

    def go_on(self, requests: int) -> None:
        """Run until so many in all are answered or broken off, and everybody has left."""
        while self.requests < requests:
            while len(self._present) < AT_ONCE:
                self._present.append(self._scenario())
            self._turn()
        while self._present:
            self._turn()

    def _scenario(self) -> Scenario:
        (act,) = self._chance.choices([*SCENARIOS], [*SCENARIOS.values()])
        peer = Peer(self._port)
        try:
            return (yield from act(peer, self._chance))
        finally:
            peer.close()

    def _turn(self) -> None:
        for scenario in [*self._present]:
            try:
                next(scenario)
            except StopIteration as end:
                self.requests += end.value
                self._present.remove(scenario)


@dataclass
class Sample:
    """What a server holds, without any peer."""

    requests: int
    rss_kib: float
    descriptors: int
    live: dict[str, int]


def ask(server: servers.Server) -> dict[str, int]:
    with server.connect() as peer:
        peer.sendall(CLOSING.replace(b"GET / ", b"GET /live "))
        answer = b""
        while piece := peer.recv(65536):
            answer += piece
    live: dict[str, int] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return live


def sample(server: servers.Server, requests: int) -> Sample:
    """Ask until nothing changes any more: the server needs turns to see that all have gone."""
    deadline = time.monotonic() + PATIENCE
    live, before = ask(server), None
    while live != before and time.monotonic() < deadline:
        before, live = live, ask(server)
    files = len([*Path(f"/proc/{server.pid}/fd").iterdir()])
    return Sample(requests, server.rss_bytes() / 1024, files, live)


def judge(samples: list[Sample]) -> list[str]:
    """Print what has changed since the warm-up, and return what must not have."""
    first, last = samples[WARM_UP], samples[-1]
    counted = samples[WARM_UP:]
    slope = linear_regression([s.requests for s in counted], [s.rss_kib for s in counted]).slope
    growth = last.rss_kib - first.rss_kib
    print(f"requests          {last.requests:,}, of them {first.requests:,} to warm up")
    print(f"resident memory   {first.rss_kib:,.0f} KiB, then {growth:+,.0f} KiB")
    print(f"                  {slope * 1000:+.3f} KiB per 1000 requests (slope)")
    print(f"descriptors       {first.descriptors}, then {last.descriptors - first.descriptors:+}")
    bad = [f"{growth:,.0f} KiB more"] if growth > MOST_GROWTH_KIB else []
    if last.descriptors > first.descriptors:
        bad.append(f"{last.descriptors - first.descriptors} descriptors more")
    for name, count in last.live.items():
        change = count - first.live.get(name, 0)
        print(f"{name:17} {count}, {change:+}")
        if change > 0 and name != "tracked by gc":
            bad.append(f"{change} more of {name}")
    return bad


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="in all (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="10,000 requests: does it run?")
    parser.add_argument("--server", default=SERVERS[0], choices=SERVERS)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Return the exit code."""
    arguments = _arguments()
    requests = 10_000 if arguments.quick else arguments.requests
    machine.allow_open_files(4096)
    with servers.Server(arguments.server, "soaked") as server:
        crowd, samples = Crowd(server.port, random.Random(arguments.seed)), []
        for number in range(SAMPLES):
            crowd.go_on(requests * (number + 1) // SAMPLES)
            samples.append(sample(server, crowd.requests))
            print(f"\r{crowd.requests:,} requests", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        bad = judge(samples)
    for line in bad:
        print(f"LEFT: {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
