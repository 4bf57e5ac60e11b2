"""The rules of docs/house.md that a program can see: includes, headers, sizes, names of files."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cpp_text
import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
# cmake and ninja of a venv that is not activated
os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)

LAYERS = {
    room: set(allowed.split())
    for room, allowed in re.findall(r"^(\w+):(.*)$", (CSRC / "LAYERS").read_text(), re.MULTILINE)
}
CPP_FILES = sorted(path for suffix in ("hpp", "cpp") for path in CSRC.glob(f"*/*.{suffix}"))
OTHER_CPP_FILES = sorted(
    path
    for folder in ("tests/cpp", "tests/fuzz", "benchmarks")
    for path in ROOT.glob(f"{folder}/**/*.?pp")
)
PYTHON_FILES = sorted(
    path
    for folder in ("fasterapi_asgi", "tests", "examples", "benchmarks", "third_party")
    for path in ROOT.glob(f"{folder}/**/*.py")
)

MOST_LINES = {".cpp": 600, ".py": 600, ".hpp": 250}
MOST_FUNCTION_LINES = 60
MOST_COLUMNS = 100
# Tables and generated code: paths that may be longer.
EXEMPT: set[Path] = set()

LIBRARIES = {
    "Python.h": "python",
    "datetime.h": "python",
    "frameobject.h": "python",
    "structmember.h": "python",
    "llhttp.h": "llhttp",
    "zlib.h": "zlib",
}
COMPILER_HEADERS = {"cxxabi.h"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def needs_of(include: str, room: str) -> str | None:
    """The word that LAYERS must grant the room for this include; None when it is free."""
    owner = include.partition("/")[0]
    if owner in LAYERS:
        return None if owner == room else include.removesuffix(".hpp")
    if include in COMPILER_HEADERS or not include.endswith(".h"):
        return None  # the C++ standard library
    # Sockets, files, signals: the system's own headers belong where libuv's does.
    return LIBRARIES.get(include, "uv")


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_includes_only_what_layers_allows(path: Path) -> None:
    room = path.parent.name
    allowed = LAYERS[room]
    needed = {include: needs_of(include, room) for include in cpp_text.includes(path.read_text())}
    forbidden = [
        include
        for include, need in needed.items()
        if need and not {need, need.partition("/")[0]} & allowed
    ]
    assert not forbidden, f"csrc/LAYERS does not let {room} include {forbidden}"


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_opens_only_namespaces_of_its_room_and_of_rooms_below(path: Path) -> None:
    room = path.parent.name
    doors = {door.partition("/")[0] for door in LAYERS[room]}
    opened = re.findall(r"\bnamespace fasterapi::(\w+)", path.read_text())
    assert {name for name in opened if name in LAYERS} <= doors | {room}


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_a_source_includes_its_own_header_first(path: Path) -> None:
    own = f"{path.parent.name}/{path.stem}.hpp"
    if path.suffix == ".cpp" and path.with_suffix(".hpp").exists():
        assert cpp_text.includes(path.read_text())[0] == own


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_no_python_object_is_static(path: Path) -> None:
    """Objects live in module state: one module object per interpreter, none per process."""
    code = cpp_text.code_only(path.read_text())
    of_a_function = r"\bstatic\s[\w\s]*?\b(?:PyObject\s*\*|PyTypeObject\b|PyRef\b)\s*\w+\s*[;={]"
    of_a_namespace = (
        r"^(?:(?:inline|extern|thread_local|constinit)\s+)*(?:PyObject\s*\*|PyRef)\s*\w+\s*[;={]"
    )
    assert not re.findall(f"{of_a_function}|{of_a_namespace}", code, re.MULTILINE)


@pytest.fixture(scope="module")
def build_folder() -> Path:
    folder = ROOT / "build" / "house"
    command = ["cmake", "-S", CSRC, "-B", folder, "-G", "Ninja"]
    ended = run(*command, f"-DPython_EXECUTABLE={sys.executable}")
    assert ended.returncode == 0, ended.stdout
    return folder


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def test_every_header_compiles_alone(build_folder: Path) -> None:
    ended = run("cmake", "--build", build_folder, "--target", "headers", "--", "--quiet", "-k0")
    assert ended.returncode == 0, ended.stdout


def compile_in(room: str, build_folder: Path, source: Path) -> "subprocess.CompletedProcess[str]":
    """Compiles the source as CMake compiles the room's headers: same flags, same include paths."""
    for entry in json.loads((build_folder / "compile_commands.json").read_text()):
        if f"/headers/{room}/" in entry["file"]:
            command = shlex.split(entry["command"])
            flags = command[: command.index("-o")]
            return run(*flags, "-fsyntax-only", "-c", source)
    pytest.fail(f"the room {room} has no header")


@pytest.mark.parametrize(
    ("room", "include"),
    [
        ("base", "http/event.hpp"),
        ("http", "loop/loop.hpp"),
        ("http", "Python.h"),
        ("loop", "http/event.hpp"),
        ("server", "Python.h"),
        ("server", "py/ref.hpp"),
        ("aio", "http/event.hpp"),
        ("asgi", "server/connection.hpp"),
    ],
)
def test_a_forbidden_include_does_not_compile(
    room: str, include: str, build_folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "scratch.cpp"
    source.write_text('#include "base/bytes.hpp"\n')
    assert compile_in(room, build_folder, source).returncode == 0
    source.write_text(f"#include <{include}>\n")
    assert f"{include}: No such file" in compile_in(room, build_folder, source).stdout


@pytest.mark.parametrize("path", CPP_FILES + OTHER_CPP_FILES + PYTHON_FILES, ids=name_of)
def test_files_and_lines_are_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    wide = [number for number, line in enumerate(lines, 1) if len(line) > MOST_COLUMNS]
    assert not wide, f"longer than {MOST_COLUMNS} columns: lines {wide}"
    if path.relative_to(ROOT) not in EXEMPT:
        assert len(lines) <= MOST_LINES[path.suffix]


@pytest.mark.parametrize("path", CPP_FILES + OTHER_CPP_FILES + PYTHON_FILES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    long = [
        f"{function.header} has {length} lines, from line {function.first_line}"
        for function in functions_of(path)
        if (length := function.last_line - function.first_line + 1) > MOST_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def functions_of(path: Path) -> Iterator[cpp_text.Function]:
    if path.suffix != ".py":
        yield from cpp_text.functions(path.read_text())
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield cpp_text.Function(node.name, node.lineno, node.end_lineno or node.lineno)


def test_functions_are_found_with_their_lines() -> None:
    text = """\
namespace a {
struct S {
  S(int x) : x_{x}, y_{x} {
    run("{");  // }
  }
  int x_ = 0;
};
template <class T>
T add(T a) {
  return [&] { return a; }();
}
constexpr std::array kTable{f(1), 2};
extern "C" {
void c() noexcept {}
}
}
"""
    found = [(f.first_line, f.last_line) for f in cpp_text.functions(text)]
    assert found == [(3, 5), (8, 11), (14, 14)]


@pytest.mark.parametrize("document", ["docs/house.md", "docs/flow.md"])
def test_documents_name_files_that_exist(document: str) -> None:
    assert (ROOT / document).exists(), f"{document} is missing"
    named = named_files((ROOT / document).read_text())
    missing = [name for name in sorted(named) if not exists(name)]
    assert not missing, f"{document} names files that do not exist: {missing}"


def named_files(text: str) -> set[str]:
    """Names with a folder in them or an ending of ours, as `http/connection` or `setup.py`."""
    rooms = "|".join(LAYERS)
    endings = "cpp|hpp|py|pyi|md|toml|ini|cmake|txt"
    in_a_room = re.findall(rf"(?<![\w/.])(?:{rooms})/[a-z_]+(?:\.[a-z]pp\b)?", text)
    with_ending = re.findall(rf"(?<![\w/.:-])[\w.-]+(?:/[\w.-]+)*\.(?:{endings})\b", text)
    return set(in_a_room + with_ending)


def exists(name: str) -> bool:
    places = (ROOT, CSRC, ROOT / "docs", ROOT / "fasterapi_asgi")
    return any(
        (place / f"{name}{end}").exists() for place in places for end in ("", ".hpp", ".cpp")
    )
