"""Builds shared libraries of native handlers for the tests that load them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fasterapi_asgi import native

COMPILER = shutil.which("cc") or shutil.which("gcc")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def build(source: Path | str, folder: Path, *options: str) -> Path:
    """Compile C99, a file or a text, as a user would; return the library."""
    if COMPILER is None:
        pytest.skip("there is no C compiler: neither cc nor gcc is on PATH")
    if isinstance(source, str):
        text, source = source, folder / "source.c"
        source.write_text(text)
    library = folder / f"{source.stem}.so"
    flags = ("-std=c99", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread", *WARNINGS)
    command = [COMPILER, *flags, f"-I{native.get_include()}", *options, source, "-o", library]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return library
