"""Health checks beside handlers that keep Python busy: `python benchmarks/saturated.py`.

Connections ask without a pause for a handler that computes for 5 ms, in the loop's thread;
beside them one probe at a time is asked for, at random moments. Prints how long the probes took:
of the server's own health path, of a cached response, and of an application's route on this server
and on uvicorn. Everything runs over loopback.
"""

import argparse
import contextlib
import random
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import load_tool
from suite.servers import Server

PROBES = ("--health-path", "/-/live", "--cache", "GET /heartbeat")
# What is asked, of which server, and the path.
KINDS = {
    "health path": ("fasterapi_asgi", PROBES, "/-/live"),
    "cached response": ("fasterapi_asgi", PROBES, "/heartbeat"),
    "route of the application": ("fasterapi_asgi", (), "/heartbeat"),
    "route of the application, uvicorn": ("uvicorn", (), "/heartbeat"),
}


def ask(peer: socket.socket, path: str) -> None:
    """Ask for a path whose response is shorter than 4 KiB, and read it."""
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got or len(got.split(b"\r\n\r\n", 1)[1]) < _length(got):
        piece = peer.recv(4096)
        if not piece:
            raise ConnectionError("the server has closed the connection")
        got += piece


def _length(response: bytes) -> int:
    head = response.split(b"\r\n\r\n", 1)[0].lower()
    return int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])


@contextlib.contextmanager
def busy(port: int, connections: int) -> Iterator[None]:
    """Keep so many connections asking for a handler that computes for 5 ms."""
    load = load_tool.Load("/busy/5000", connections=connections)
    process = load_tool.start(load, port, "--seconds=600", "--warmup=0")
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def measure(port: int, path: str, probes: int) -> list[float]:
    """Return the probes' times in milliseconds, sorted."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as peer:
        ask(peer, path)
        for _ in range(probes):
            time.sleep(random.uniform(0, 0.01))
            begun = time.perf_counter()
            ask(peer, path)
            times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)


def main() -> None:
    """Measure each kind and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=16, help="that keep Python busy (16)")
    parser.add_argument("--probes", type=int, default=1000, help="of each kind (1000)")
    arguments = parser.parse_args()
    load_tool.build()
    print(f"{arguments.connections} connections, handlers of 5 ms; milliseconds\n")
    print("| probe | p50 | p99 | max |\n| --- | ---: | ---: | ---: |")
    for name, (kind, options, path) in KINDS.items():
        with Server(kind, "busy", options=options) as server:
            with busy(server.port, arguments.connections):
                times = measure(server.port, path, arguments.probes)
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        print(f"| {name} | {p50:.1f} | {p99:.1f} | {times[-1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
