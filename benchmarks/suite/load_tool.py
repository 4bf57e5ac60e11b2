"""Builds and runs the load generator of benchmarks/load."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.kinds import BENCHMARKS, BUILD
from suite.servers import Server

BINARY = BUILD / "load"


class LoadFailed(Exception):
    """The load generator gave no figures."""


@dataclass(frozen=True)
class Load:
    """One kind of load: the request, and how many of it at a time."""

    path: str = "/"
    connections: int = 64
    pipeline: int = 1
    body: int = 0

    def arguments(self, port: int) -> list[str]:
        """Return the command line for a server on `port`."""
        options = {
            "port": port,
            "path": self.path,
            "connections": self.connections,
            "pipeline": self.pipeline,
            "body": self.body,
        }
        return [str(BINARY), *(f"--{name}={value}" for name, value in options.items())]


def build() -> Path:
    """Compile the load generator if a source is newer than it; return its path."""
    sources = sorted((BENCHMARKS / "load").glob("*.cpp"))
    newest = max(path.stat().st_mtime for path in (BENCHMARKS / "load").glob("*.?pp"))
    if not BINARY.exists() or BINARY.stat().st_mtime < newest:
        BINARY.parent.mkdir(parents=True, exist_ok=True)
        compiler = os.environ.get("CXX", "g++")
        flags = ["-std=c++20", "-O2", "-Wall", "-Wextra"]
        subprocess.run([compiler, *flags, *map(str, sources), "-o", str(BINARY)], check=True)
    return BINARY


def start(load: Load, port: int, *options: str) -> subprocess.Popen[str]:
    """Start the load generator with pipes to its stdin and stdout."""
    return subprocess.Popen(
        [*load.arguments(port), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def figures(process: subprocess.Popen[str], line: str) -> dict[str, Any]:
    """Parse the answer of a load generator.

    Raises:
        LoadFailed: it wrote no figures.
    """
    if not line.startswith("{"):
        process.kill()
        raise LoadFailed(f"{process.args}: no figures, exit status {process.wait()}")
    found: dict[str, Any] = json.loads(line)
    return found


def run(load: Load, port: int, *options: str) -> dict[str, Any]:
    """Run one load to its end and return its figures."""
    process = start(load, port, *options)
    output, _ = process.communicate()
    return figures(process, output)


def measure(load: Load, server: Server, seconds: float, warmup: float) -> dict[str, Any]:
    """Run one load and add the server's CPU time per request, and who had how much of a core.

    The server's clock is read while the load generator waits at its gate, with its connections
    open and idle: connecting and warming up are outside, every counted request is inside.
    """
    process = start(load, server.port, f"--seconds={seconds}", f"--warmup={warmup}", "--gate")
    assert process.stdin is not None and process.stdout is not None
    with process:
        process.stdout.readline()
        waited = server.waited_seconds()
        split = server.user_and_kernel_seconds()
        before = server.cpu_seconds()
        _release(process)
        line = process.stdout.readline()
        spent = server.cpu_seconds() - before
        kernel = kernel_share(split, server.user_and_kernel_seconds())
        waited = server.waited_seconds() - waited
        found = figures(process, line)
        _release(process)
    requests = found["requests"] + found["drained"]
    found["server_cpu_us"] = spent / max(requests, 1) * 1e6
    found["server_kernel_us"] = found["server_cpu_us"] * kernel
    found["server_cpu_share"] = spent / found["seconds"]
    found["server_wait_share"] = waited / found["seconds"]
    found["load_cpu_share"] = found["cpu_seconds"] / found["seconds"]
    return found


def kernel_share(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Return the kernel's share of the CPU time between two looks; 0 if no tick fell there."""
    user, kernel = after[0] - before[0], after[1] - before[1]
    return kernel / (user + kernel) if user + kernel > 0 else 0.0


def _release(process: subprocess.Popen[str]) -> None:
    """Let a load generator that waits at its gate go on."""
    assert process.stdin is not None
    try:
        process.stdin.write("\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass
