"""The rules of docs/house.md that a program can see: includes, headers, sizes, names of files."""

import ast
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cpp_build
import cpp_text
import pytest

ROOT = cpp_build.ROOT
CSRC = ROOT / "csrc"

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
ALL_FILES = [*CPP_FILES, *OTHER_CPP_FILES, *PYTHON_FILES, ROOT / "setup.py"]

MOST_LINES = {".cpp": 600, ".py": 600, ".hpp": 250}
MOST_FUNCTION_LINES = 60
MOST_COLUMNS = 100
# Tables and generated code: paths that may be longer.
EXEMPT: set[str] = set()

LIBRARIES = {
    "Python.h": "python",
    "datetime.h": "python",
    "frameobject.h": "python",
    "structmember.h": "python",
    "fasterapi_native.h": "native_abi",
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


def test_rooms_include_only_what_layers_allows() -> None:
    forbidden = [
        f"{name_of(path)}: {include}"
        for path in CPP_FILES
        for include in cpp_text.includes(path.read_text())
        if (need := needs_of(include, path.parent.name))
        and not {need, need.partition("/")[0]} & LAYERS[path.parent.name]
    ]
    assert not forbidden, "\n".join(["csrc/LAYERS does not allow:", *forbidden])


def test_rooms_name_only_namespaces_that_layers_allows() -> None:
    """Declaring a class of another room would otherwise be a way around its include."""
    forbidden = []
    for path in CPP_FILES:
        room = path.parent.name
        allowed = {door.partition("/")[0] for door in LAYERS[room]} | {room}
        opened = re.findall(r"\bnamespace fasterapi::(\w+)", path.read_text())
        forbidden += [f"{name_of(path)}: {name}" for name in {*opened} & {*LAYERS} - allowed]
    assert not forbidden, "\n".join(forbidden)


def test_a_source_includes_its_own_header_first() -> None:
    """So compiling it shows that the header needs nothing before it."""
    late = [
        name_of(path)
        for path in CPP_FILES
        if path.suffix == ".cpp" and path.with_suffix(".hpp").exists()
        if cpp_text.includes(path.read_text())[0] != f"{path.parent.name}/{path.stem}.hpp"
    ]
    assert not late, "\n".join(late)


def test_no_python_object_is_static() -> None:
    """Objects live in module state: one module object per interpreter, none per process."""
    kinds = r"(?:PyObject\s*\*|PyTypeObject\b|PyRef\b)\s*\w+\s*[;={]"
    of_a_function = rf"\bstatic\s[\w\s]*?\b{kinds}"
    of_a_namespace = rf"^(?:(?:inline|extern|thread_local|constinit)\s+)*{kinds}"
    found = [
        f"{name_of(path)}: {declared}"
        for path in CPP_FILES
        for declared in re.findall(
            f"{of_a_function}|{of_a_namespace}", cpp_text.code_only(path.read_text()), re.MULTILINE
        )
    ]
    assert not found, "\n".join(found)


def test_every_header_compiles_alone() -> None:
    cpp_build.build("headers")


def compile_in(room: str, source: Path) -> "subprocess.CompletedProcess[str]":
    """Compiles the source as CMake compiles the room's headers: same flags, same include paths."""
    for entry in json.loads((cpp_build.FOLDER / "compile_commands.json").read_text()):
        if f"/headers/{room}/" in entry["file"]:
            command = shlex.split(entry["command"])
            flags = command[: command.index("-o")]
            return cpp_build.run(*flags, "-fsyntax-only", "-c", source)
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
        ("native", "Python.h"),
        ("native", "server/connection.hpp"),
        ("aio", "http/event.hpp"),
        ("asgi", "server/connection.hpp"),
    ],
)
def test_a_forbidden_include_does_not_compile(room: str, include: str, tmp_path: Path) -> None:
    cpp_build.build("headers")
    source = tmp_path / "scratch.cpp"
    source.write_text('#include "base/bytes.hpp"\n')
    assert compile_in(room, source).returncode == 0
    source.write_text(f"#include <{include}>\n")
    assert f"{include}: No such file" in compile_in(room, source).stdout


def test_files_are_short() -> None:
    long = [
        f"{name_of(path)}: {lines} lines, {MOST_LINES[path.suffix]} at most"
        for path in ALL_FILES
        if (lines := len(path.read_text().splitlines())) > MOST_LINES[path.suffix]
        if name_of(path) not in EXEMPT
    ]
    assert not long, "\n".join(long)


def test_lines_are_short() -> None:
    long = [
        f"{name_of(path)}:{number}: {len(line)} columns, {MOST_COLUMNS} at most"
        for path in ALL_FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > MOST_COLUMNS
    ]
    assert not long, "\n".join(long)


def test_functions_are_short() -> None:
    long = [
        f"{name_of(path)}:{function.first_line}: {lines} lines, {MOST_FUNCTION_LINES} at most"
        for path in ALL_FILES
        for function in functions_of(path)
        if (lines := function.last_line - function.first_line + 1) > MOST_FUNCTION_LINES
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
