"""Sub-interpreters: what can be imported in one, and what one costs beside a process.

Each attempt is a process of its own: some end by a signal.
"""

import json
import subprocess
import sys
from statistics import median

from suite.kinds import ROOT

from strategy.table import Table

# What an application would need, by the name in the tables.
PROGRAMS = {
    "asyncio": "import asyncio",
    "fasterapi_asgi": "from fasterapi_asgi import _core",
    "raw ASGI and asyncio": "import asyncio, apps; apps.raw",
    "Starlette": "import starlette.applications",
    "pydantic-core": "import pydantic_core",
    "FastAPI": "import fastapi",
    "uvloop": "import uvloop",
}
HAVE_OWN_GIL = sys.version_info >= (3, 12)
COUNT = 4  # interpreters or processes at a time, when their memory is measured
_CREATE = """
import json, os, sys, time
try:
    import _interpreters as interpreters  # Python 3.13 and later
except ImportError:
    import _xxsubinterpreters as interpreters
def create(own_gil):
    try:
        return interpreters.create("isolated" if own_gil else "legacy")
    except TypeError:  # Python 3.12 and earlier
        return interpreters.create(isolated=own_gil)
def run(number, program):
    try:
        failed = interpreters.run_string(number, program)
    except interpreters.RunFailedError as error:
        return str(error)
    return "" if failed is None else failed.formatted
def private_bytes():
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) * 1024
own_gil, program, count = json.loads(sys.argv[1])
"""
# Two: some modules can be had by one interpreter of a process, whichever comes first.
_IMPORT = f"""{_CREATE}
failed = run(create(own_gil), program) or run(create(own_gil), program)
print(json.dumps(failed), flush=True); os._exit(0)
"""
_COST = f"""{_CREATE}
exec(program, {{}})  # what interpreters share is there already
before, began = private_bytes(), time.process_time()
for _ in range(count):
    failed = run(create(own_gil), program)
    if failed: sys.exit(failed)
spent = time.process_time() - began
figures = [spent / count * 1e3, (private_bytes() - before) / count / 2**20]
print(json.dumps(figures), flush=True); os._exit(0)
"""
_PROCESS = """
import json, sys, time
_, program, _ = json.loads(sys.argv[1])
exec(program, {})
with open("/proc/self/smaps_rollup") as rollup:
    private = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
print(json.dumps([time.process_time() * 1e3, private / 1024]), flush=True)
"""


def _ask(code: str, own_gil: bool, program: str, count: int = 1) -> tuple[object, str]:
    """Run code in a fresh Python; return what it printed as JSON, or why it did not."""
    # Behind what is installed: the module of a wheel is not in the source tree.
    where = f"import sys; sys.path += [{str(ROOT)!r}, {str(ROOT / 'benchmarks')!r}]; "
    asked = json.dumps([own_gil, where + program, count])
    command = [sys.executable, "-W", "ignore", "-c", code, asked]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.stdout.startswith(("[", '"')) or done.stdout[:1].isdigit():
        return json.loads(done.stdout), ""
    if done.returncode < 0:
        return None, f"the process dies by signal {-done.returncode}"
    return None, (done.stderr.strip() or "nothing was printed").splitlines()[-1]


def importable(program: str, own_gil: bool) -> str:
    """Return "yes" if two interpreters can import it, or the error of the one that cannot."""
    found, failure = _ask(_IMPORT, own_gil, program)
    return (failure or str(found) or "yes").replace("<class 'ImportError'>", "ImportError")


def cost(program: str, own_gil: bool) -> tuple[float, float] | str:
    """Return CPU ms and private MiB that one more interpreter takes, or why it cannot be."""
    found, failure = _ask(_COST, own_gil, program, COUNT)
    return failure if failure else (found[0], found[1])  # type: ignore[index]


def cost_of_process(program: str, rounds: int) -> tuple[float, float]:
    """Return CPU ms until a process has imported it, and its private MiB.

    Raises:
        RuntimeError: it cannot be imported.
    """
    found = []
    for _ in range(rounds):
        figures, failure = _ask(_PROCESS, False, program)
        if failure or not isinstance(figures, list):
            raise RuntimeError(failure)
        found.append(figures)
    return median(ms for ms, _ in found), median(mebibytes for _, mebibytes in found)


def tables(quick: bool) -> list[Table]:
    """Try and measure all programs on the Python that runs this."""
    version = f"Python {sys.version.split()[0]}"
    header = ["imported by two interpreters", "with a GIL of their own", "sharing the GIL"]
    imports = Table(f"Sub-interpreters, {version}", header)
    costs = Table(
        f"CPU time of the start-up and private memory, {version}",
        ["with this imported", "interpreter, own GIL", "interpreter, shared GIL", "process"],
    )
    for name, program in PROGRAMS.items():
        own = importable(program, True) if HAVE_OWN_GIL else "–"
        shared = importable(program, False)
        imports.add([name, own, shared], program=name, own_gil=own, shared=shared)
    for name in ("asyncio", "fasterapi_asgi", "Starlette", "FastAPI"):
        program = PROGRAMS[name]
        found = [cost(program, True) if HAVE_OWN_GIL else "–", cost(program, False)]
        found.append(cost_of_process(program, 1 if quick else 7))
        texts = [_text(one) for one in found]
        costs.add([name, *texts], program=name, own_gil=found[0], shared=found[1], process=found[2])
    return [imports, costs]


def _text(found: tuple[float, float] | str) -> str:
    if isinstance(found, str):
        return found if found == "–" else "refused"
    return f"{found[0]:.0f} ms, {found[1]:.1f} MiB"
