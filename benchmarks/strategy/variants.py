"""Variants of the extension: today's sources with a few lines changed, compiled aside.

What switches an idea off stands here and not in the product, which has no switches for it.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from suite.kinds import ROOT

BUILD = ROOT / "build" / "strategies"
SOURCE = BUILD / "source"
MODULE = f"_core.{sysconfig.get_config_var('SOABI')}.so"


class StaleVariant(Exception):
    """A line that a variant changes is not in the sources, or more than once."""


@dataclass(frozen=True)
class Change:
    """One piece of text in one file of csrc, and what stands in its place."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Variant:
    """One build of the extension; without changes it is the product."""

    name: str
    changes: tuple[Change, ...] = ()

    def sources(self) -> dict[str, str]:
        """Return the changed files of csrc, by path.

        Raises:
            StaleVariant: the sources are no longer what the changes are for.
        """
        changed: dict[str, str] = {}
        for change in self.changes:
            text = changed.get(change.file) or (ROOT / "csrc" / change.file).read_text("utf-8")
            if text.count(change.before) != 1:
                raise StaleVariant(f"{self.name}: not once in {change.file}: {change.before!r}")
            changed[change.file] = text.replace(change.before, change.after)
        return changed

    def build(self) -> Path:
        """Compile it unless it is there already; return the folder that holds its package.

        Raises:
            StaleVariant: the sources are no longer what the changes are for.
            subprocess.CalledProcessError: it does not compile.
        """
        sources = _pristine() | self.sources()
        package = BUILD / self.name / "fasterapi_asgi"
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / "fasterapi_asgi", package, ignore=ignored, dirs_exist_ok=True)
        made_of = package.parent / f"{MODULE}.sources"
        digest = hashlib.sha256(repr((sorted(sources.items()), _options())).encode()).hexdigest()
        if not made_of.exists() or made_of.read_text() != digest:
            shutil.copy2(_compile(sources), package / MODULE)
            made_of.write_text(digest)
        return package.parent

    def prefix(self) -> tuple[str, ...]:
        """Build it; return the command before a server's that makes Python import it."""
        return ("env", "PYTHONSAFEPATH=1", f"PYTHONPATH={self.build()}")


def _pristine() -> dict[str, str]:
    """Return all files of csrc by path."""
    return {
        str(path.relative_to(ROOT / "csrc")): path.read_text("utf-8")
        for path in (ROOT / "csrc").rglob("*")
        if path.is_file()
    }


def _options() -> list[str]:
    return ["-DFASTERAPI_LTO=ON", *shlex.split(os.environ.get("CMAKE_ARGS", ""))]


def _compile(sources: dict[str, str]) -> Path:
    """Compile these in a folder that all variants share; return the module."""
    _write(sources)
    folder = BUILD / f"cmake-{MODULE}"
    where = ["-S", str(SOURCE / "csrc"), "-B", str(folder), "-G", "Ninja"]
    configure = ["cmake", *where, f"-DPython_EXECUTABLE={sys.executable}", *_options()]
    build = ["cmake", "--build", str(folder), "--target", "_core", "--", "--quiet"]
    for command in (configure, build):
        subprocess.run(command, env=_environment(), stdout=subprocess.DEVNULL, check=True)
    return folder / MODULE


def _write(sources: dict[str, str]) -> None:
    """Make SOURCE consist of these; a file that is right keeps its time and is not compiled."""
    SOURCE.mkdir(parents=True, exist_ok=True)
    third_party = SOURCE / "third_party"
    if not third_party.exists():
        third_party.symlink_to(ROOT / "third_party")
    for path in (SOURCE / "csrc").rglob("*"):
        if path.is_file() and str(path.relative_to(SOURCE / "csrc")) not in sources:
            path.unlink()
    for name, text in sources.items():
        path = SOURCE / "csrc" / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def _environment() -> dict[str, str]:
    """Return an environment that finds cmake and ninja of a venv that is not activated."""
    path = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    return {**os.environ, "PATH": path}
