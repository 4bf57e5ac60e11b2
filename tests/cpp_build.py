"""Builds targets of csrc/CMakeLists.txt for the tests that run them; CMAKE_ARGS adds options.

By hand: `python tests/cpp_build.py TARGET`, which prints the folder.
"""

import fcntl
import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# cmake and ninja of a venv that is not activated
os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)
CMAKE_ARGS = os.environ.get("CMAKE_ARGS", "")
FOLDER = ROOT / "build" / re.sub(r"\W+", "-", f"cpp {CMAKE_ARGS}").strip("-")


def run(
    *command: str | Path, timeout: float | None = None, **options: Path | dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run to the end; stdout holds what came from both streams."""
    return subprocess.run(
        list(map(str, [*without_random_addresses(), *command])),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        **options,  # type: ignore[call-overload]
    )


def must_succeed(ended: "subprocess.CompletedProcess[str]") -> str:
    if ended.returncode:
        message = f"{shlex.join(ended.args)} ended with {ended.returncode}\n{ended.stdout}"
        pytest.fail(message, pytrace=False)
    return ended.stdout


def without_random_addresses() -> list[str]:
    """GCC 12's ThreadSanitizer cannot place its shadow where addresses vary by 32 bits."""
    bits = Path("/proc/sys/vm/mmap_rnd_bits")
    if "thread" in CMAKE_ARGS and bits.exists() and int(bits.read_text()) > 28:
        return ["setarch", "-R"]
    return []


@functools.cache
def configure() -> None:
    options = ["-DCMAKE_BUILD_TYPE=Debug", "-DFASTERAPI_TESTS=ON", "-DFASTERAPI_FUZZ=ON"]
    options += [f"-DPython_EXECUTABLE={sys.executable}", *shlex.split(CMAKE_ARGS)]
    must_succeed(run("cmake", "-S", ROOT / "csrc", "-B", FOLDER, "-G", "Ninja", *options))


def build(target: str) -> Path:
    """Build the target, return the folder. Fails the test with the compiler's text."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:  # several runs at once: one builds, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        configure()
        must_succeed(run("cmake", "--build", FOLDER, "--target", target, "--", "--quiet", "-k0"))
    return FOLDER


if __name__ == "__main__":
    print(build(sys.argv[1]))
