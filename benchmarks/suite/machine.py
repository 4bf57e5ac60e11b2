"""What the kernel knows: cores, CPU time and memory of a process tree, and the machine itself."""

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

CPU_CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED in the kernel's posix-timers.h
PACKAGES = ("fasterapi-asgi", "uvicorn", "uvloop", "httptools", "fastapi", "starlette", "pydantic")


# Read once, before anything is pinned: afterwards the affinity is the answer, not the question.
_ALLOWED = sorted(os.sched_getaffinity(0))
SERVER_CORE = _ALLOWED[0]
LOAD_CORE = _ALLOWED[-1]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run the block on one core; a process started in it inherits that."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_open_files(count: int) -> None:
    """Raise the soft limit of open files to `count`, as far as the hard limit lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def tree(pid: int) -> list[int]:
    """Return the process and all its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in children.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Return user and system time of the process tree, all threads, in seconds."""
    return sum(_cpu_of_one(process) for process in tree(pid))


def _cpu_of_one(pid: int) -> float:
    """Read the CPU clock of one process: nanoseconds, with the threads that have ended.

    It is the counter behind /proc/PID/schedstat. Where the kernel refuses it, the ticks of
    /proc/PID/stat are used, which are 10 ms.
    """
    try:
        return time.clock_gettime((~pid << 3) | CPU_CLOCK_OF_PROCESS)
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def user_and_kernel_seconds(pid: int) -> tuple[float, float]:
    """Return user and system time of the process tree as the kernel splits it.

    The split is sampled by ticks of 10 ms: good for a share over seconds, not for a small sum.
    """
    user, kernel = 0, 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            user, kernel = user + int(fields[11]), kernel + int(fields[12])
    return user / os.sysconf("SC_CLK_TCK"), kernel / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """Return how long the living threads of the process tree were ready but had no core.

    Other work on the server's core shows up here, and so do threads of one server that wait for
    each other's turn. 0 where the kernel keeps no schedstat.
    """
    return sum(waited_of_one(process) for process in tree(pid))


def waited_of_one(pid: int) -> float:
    """Return the same of one process."""
    waited = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            waited += int(path.read_text().split()[1])
    return waited / 1e9


def rss_bytes(pid: int) -> int:
    """Return the resident memory of the process tree in bytes."""
    return sum(_rss_of_one(process) for process in tree(pid))


def _rss_of_one(pid: int) -> int:
    """Read Rss of smaps_rollup, which is exact; statm lags by up to 64 pages per thread."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def describe(versions: Mapping[str, str] = MappingProxyType({})) -> dict[str, object]:
    """Return what a reader needs to judge the figures: CPU, cores, kernel, versions.

    Args:
        versions: more of them, by name.
    """
    installed = {name: version for name in PACKAGES if (version := _version(name))}
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "server_core": SERVER_CORE,
        "load_core": LOAD_CORE,
        "governor": _governor(SERVER_CORE),
        "kernel": platform.release(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "python_compiler": platform.python_compiler(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "versions": installed | dict(versions),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _governor(core: int) -> str:
    path = Path(f"/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor")
    return path.read_text().strip() if path.exists() else "not visible"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
