"""setup.py: builds fasterapi_asgi._core by calling CMake on csrc/; metadata is in pyproject.toml.

`python setup.py build_ext --inplace` is the quick way while working on C++: it compiles only what
changed. The environment variable CMAKE_ARGS holds options, e.g. -DFASTERAPI_SYSTEM_LIBUV=ON.
"""

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
CMAKE_ARGS = os.environ.get("CMAKE_ARGS", "")
SOABI = sysconfig.get_config_var("SOABI")  # e.g. cpython-312-x86_64-linux-gnu
# cmake and ninja of a venv that is not activated
os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)


class CMakeBuild(build_ext):
    """One folder per interpreter and options, kept: a second build compiles only what changed."""

    def build_extension(self, ext):
        options = CMAKE_ARGS
        if not self.inplace and "-DCMAKE_BUILD_TYPE" not in CMAKE_ARGS:
            # 5 % of the instructions of a request; linking takes as long as compiling.
            options += " -DFASTERAPI_LTO=ON"
        name = re.sub(r"\W+", "-", f"cmake {SOABI} {options}").strip("-")
        folder = ROOT / "build" / name
        wanted = Path(self.get_ext_fullpath(ext.name))
        with alone(name):
            configure(folder, options)
            progress = [] if sys.stdout.isatty() else ["--", "--quiet"]
            run("cmake", "--build", folder, "--target", "_core", *progress)
            self.mkpath(str(wanted.parent))
            replace(folder / wanted.name, wanted)


class Wheel(bdist_wheel):
    """One at a time: builds for several Pythons, as tox starts them, share the egg-info folder."""

    def run(self):
        with alone("wheel"):
            super().run()


class SourceDistribution(sdist):
    """Carries libuv and llhttp with their licences: building from it downloads nothing of ours."""

    def run(self):
        run(sys.executable, "third_party/fetch.py", "libuv", "llhttp")
        super().run()


@contextlib.contextmanager
def alone(name):
    """Hold the lock build/NAME.lock; other builds of the same name wait."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace(source, target):
    """Copy to a new inode: a process that has the old library mapped goes on undisturbed."""
    if target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns:
        return
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copy2(source, scratch)
    scratch.replace(target)


def configure(folder, options):
    run(
        "cmake",
        "-S",
        "csrc",
        "-B",
        folder,
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={shutil.which('ninja')}",
        f"-DPython_EXECUTABLE={sys.executable}",
        *shlex.split(options),
        stdout=subprocess.PIPE,
    )


def run(*command, **options):
    ended = subprocess.run([str(part) for part in command], cwd=ROOT, text=True, **options)
    if ended.returncode:
        sys.exit(
            f"{ended.stdout or ''}setup.py: {Path(command[0]).name} failed, its message is above. "
            "If it misses a C++20 compiler or Python.h: apt install g++ python3-dev (on Debian)"
        )


setup(
    ext_modules=[Extension("fasterapi_asgi._core", sources=[])],
    cmdclass={"build_ext": CMakeBuild, "bdist_wheel": Wheel, "sdist": SourceDistribution},
    # Per interpreter too: parallel builds would otherwise meet in build/lib and build/bdist.
    options={"build": {"build_base": f"build/setuptools-{SOABI}"}},
)
