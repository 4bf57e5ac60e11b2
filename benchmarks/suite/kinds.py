"""The kinds of servers: how each is started, what it can answer, and why it may be missing."""

import functools
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from suite import nginx

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Constant:
    """An answer that is the same each time, so that a server without an application can give it."""

    content_type: str
    body: str


HELLO = Constant("text/plain", "Hello, world!")
HEARTBEAT = Constant("application/json", '{"status":"ok"}')


@dataclass(frozen=True)
class Order:
    """What one server is started for.

    Attributes:
        app: attribute of benchmarks/apps.py, for servers that run applications.
        answer: what servers without an application answer.
        port: where to listen; 0 if the server chooses and tells.
        behind: port of the server that this one asks.
        folder: an empty folder for its files.
        options: more options for the command lines that are uvicorn's.
        access_log: leave the access log on; only for these, too.
    """

    app: str
    answer: Constant
    port: int
    behind: int
    folder: Path
    options: tuple[str, ...] = ()
    access_log: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of server.

    Attributes:
        command: makes the command line.
        missing: tells why it cannot run here; empty if it can.
        versions: tells what a reader wants to know of its versions beside the usual ones.
        runs_applications: else it gives one constant answer, whatever it is asked.
        like_uvicorn: takes uvicorn's options, so every measurement can be made of it.
        tells_port: listens on a port of its own choice and says on stderr which one.
        pipelines: answers requests that are sent together.
        behind: the kind of server that it asks; empty if none.
    """

    command: Callable[[Order], list[str]]
    missing: Callable[[], str] = lambda: ""
    versions: Callable[[], dict[str, str]] = dict
    runs_applications: bool = True
    like_uvicorn: bool = False
    tells_port: bool = True
    pipelines: bool = True
    behind: str = ""


def _like_uvicorn(module: str, *arguments: str) -> Kind:
    def command(order: Order) -> list[str]:
        log = [] if order.access_log else ["--no-access-log"]
        where = ["--app-dir", str(BENCHMARKS), "--host", "127.0.0.1", "--port", "0"]
        own = [*arguments, *where, *log, *order.options]
        return [sys.executable, "-m", module, *own, f"apps:{order.app}"]

    return Kind(command, like_uvicorn=True)


def _from_pypi(module: str, command: Callable[[Order], list[str]], **more: bool) -> Kind:
    """Make a kind of a server in Python that is not installed with the tests."""

    def missing() -> str:
        found = importlib.util.find_spec(module)
        return "" if found else f"{module} is not installed; it is in the extra `bench`"

    def of_this_python(order: Order) -> list[str]:
        return [sys.executable, "-m", module, *command(order)]

    return Kind(of_this_python, missing, lambda: {module: metadata.version(module)}, **more)


def _hypercorn(order: Order) -> list[str]:
    # It looks no further than the module's dict for a name, but takes an expression.
    app = "__getattr__('fast')" if order.app == "fast" else order.app
    options = "-k uvloop -w 1 -b 127.0.0.1:0"
    return [*options.split(), f"{BENCHMARKS}/apps:{app}"]


def _granian(order: Order) -> list[str]:
    options = f"--interface asgi --loop uvloop --workers 1 --host 127.0.0.1 --port {order.port}"
    return [*options.split(), f"--working-dir={BENCHMARKS}", f"apps:{order.app}"]


def _gunicorn(order: Order) -> list[str]:
    options = "-k asgi --asgi-loop uvloop --http-parser fast --keep-alive 600 -w 1 -b 127.0.0.1:0"
    rest = ["--no-control-socket", f"--pythonpath={BENCHMARKS}"]
    return [*options.split(), *rest, f"apps:{order.app}"]


@functools.cache
def build(target: str, lto: bool = True) -> Path:
    """Compile a program of csrc/CMakeLists.txt; return its path. CMAKE_ARGS changes how.

    Args:
        target: its name there.
        lto: with link-time optimization, as wheels are compiled. g++ 12 fails on Catch2's macros.
    """
    folder = BUILD if lto else BUILD.with_name("bench-without-lto")
    path = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    environment = {**os.environ, "PATH": path}  # cmake and ninja of a venv that is not activated
    options = [
        "-DFASTERAPI_BENCHES=ON",
        f"-DFASTERAPI_LTO={'ON' if lto else 'OFF'}",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]
    options += shlex.split(os.environ.get("CMAKE_ARGS", ""))
    configure = ["cmake", "-S", str(ROOT / "csrc"), "-B", str(folder), "-G", "Ninja", *options]
    compile_it = ["cmake", "--build", str(folder), "--target", target]
    for command in (configure, compile_it):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return folder / target


def _floor(order: Order) -> list[str]:
    answer = [f"--body={order.answer.body}", f"--type={order.answer.content_type}"]
    return [str(build("floor")), f"--port={order.port}", *answer]


def _without_cmake() -> str:
    beside = str(Path(sys.executable).parent)
    found = shutil.which("cmake") or shutil.which("cmake", path=beside)
    return "" if found else "cmake is not installed, which compiles it"


_HANDLER = """
#include "fasterapi_native.h"
static int answer(fa_request *request, void *user) {
  (void)user;
  fa_add_header(request, fa_text("content-type"), fa_text(CONTENT_TYPE));
  return fa_body_static(request, BODY, sizeof BODY - 1);
}
static const fa_route routes[] = {
  {"GET", "/", answer, NULL, 0, 0, 0}, {"GET", "/heartbeat", answer, NULL, 0, 0, 0}};
FA_PLUGIN(routes);
"""


def _native(order: Order) -> list[str]:
    from fasterapi_asgi import native

    source, library = order.folder / "handler.c", order.folder / "handler.so"
    texts = {"CONTENT_TYPE": order.answer.content_type, "BODY": order.answer.body}
    lines = [f"#define {name} {json.dumps(text)}\n" for name, text in texts.items()]
    source.write_text("".join(lines) + _HANDLER)
    options = ["-O2", "-shared", "-fPIC", f"-I{native.get_include()}"]
    subprocess.run(["cc", *options, str(source), "-o", str(library)], check=True)
    command = _like_uvicorn("fasterapi_asgi", "--native", str(library)).command
    return command(order)


def _without_compiler() -> str:
    return "" if shutil.which("cc") else "cc is not installed, which compiles its handler"


def _nginx(command: Callable[[Order], list[str]], behind: str = "") -> Kind:
    return Kind(
        command,
        nginx.missing,
        lambda: {"nginx": nginx.version()},
        runs_applications=False,
        tells_port=False,
        behind=behind,
    )


def _nginx_static(order: Order) -> list[str]:
    answer = nginx.constant(order.answer.content_type, order.answer.body)
    return nginx.command(order.folder, order.port, answer)


def _nginx_cache(order: Order) -> list[str]:
    return nginx.command(order.folder, order.port, nginx.cached(order.folder, order.behind))


KINDS: dict[str, Kind] = {
    "fasterapi_asgi": _like_uvicorn("fasterapi_asgi"),
    # The heartbeats are answered without the application, the rest as by fasterapi_asgi.
    "cached": _like_uvicorn("fasterapi_asgi", "--cache", "GET /heartbeat"),
    "guest-of-asyncio": _like_uvicorn("fasterapi_asgi", "--loop", "asyncio"),
    "guest-of-uvloop": _like_uvicorn("fasterapi_asgi", "--loop", "uvloop"),
    "uvicorn": _like_uvicorn("uvicorn", "--loop", "uvloop", "--http", "httptools"),
    "uvicorn-h11": _like_uvicorn("uvicorn", "--loop", "asyncio", "--http", "h11"),
    "hypercorn": _from_pypi("hypercorn", _hypercorn),
    "granian": _from_pypi("granian", _granian, tells_port=False),
    # Of requests that arrive together its ASGI worker answers the first; the others wait for ever.
    "gunicorn": _from_pypi("gunicorn", _gunicorn, pipelines=False),
    # A handler in C in front of the application, which is never asked.
    "native": Kind(_native, _without_compiler, runs_applications=False),
    "floor": Kind(_floor, _without_cmake, runs_applications=False),
    "nginx-static": _nginx(_nginx_static),
    "nginx-cache": _nginx(_nginx_cache, behind="uvicorn"),
}
