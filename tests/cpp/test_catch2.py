"""Every Catch2 case as one pytest item.

Builds the test program first. A crash and a sanitizer's report fail their case, SKIP skips it.
"""

import fcntl
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# cmake and ninja of a venv that is not activated
os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)
CMAKE_ARGS = os.environ.get("CMAKE_ARGS", "")
BUILD = ROOT / "build" / re.sub(r"\W+", "-", f"cpp {CMAKE_ARGS}").strip("-")
PROGRAM = BUILD / "cpp_tests"
SKIPPED = 4  # Catch2's exit status when every case was skipped
SPECIAL = str.maketrans({character: "\\" + character for character in '[]*,~"\\'})


def without_random_addresses() -> list[str]:
    """GCC 12's ThreadSanitizer cannot place its shadow where addresses vary by 32 bits."""
    bits = Path("/proc/sys/vm/mmap_rnd_bits")
    if "thread" in CMAKE_ARGS and bits.exists() and int(bits.read_text()) > 28:
        return ["setarch", "-R"]
    return []


def run(*command: str | Path, timeout: float | None = None) -> str:
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
    )
    if ended.returncode == SKIPPED and PROGRAM in command:
        reason = re.search(r"with message:\n\s*(.*)", ended.stdout)
        pytest.skip(reason[1] if reason else "SKIP")
    if ended.returncode:
        message = f"{shlex.join(map(str, command))} ended with {ended.returncode}\n{ended.stdout}"
        pytest.fail(message, pytrace=False)
    return ended.stdout


def names() -> list[str]:
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:  # several runs at once: one builds, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        options = [f"-DPython_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=Debug"]
        options += ["-DFASTERAPI_TESTS=ON", *shlex.split(CMAKE_ARGS)]
        run("cmake", "-S", ROOT / "csrc", "-B", BUILD, "-G", "Ninja", *options)
        run("cmake", "--build", BUILD, "--target", "cpp_tests")
    listed = run(*without_random_addresses(), PROGRAM, "--list-tests", "--verbosity", "quiet")
    return listed.splitlines()


@pytest.mark.parametrize("name", names())
def test_cpp(name: str) -> None:
    run(*without_random_addresses(), PROGRAM, name.translate(SPECIAL), timeout=60)
