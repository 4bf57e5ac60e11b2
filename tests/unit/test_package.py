"""What a user gets by `pip install fasterapi-asgi`, seen in the installed distribution."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import fasterapi_asgi
import fasterapi_asgi._core
from fasterapi_asgi import native

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path(fasterapi_asgi._core.__file__)
# Not the egg-info that a build leaves in the working copy: it has no RECORD of files installed.
DISTRIBUTION = next(
    found for found in metadata.distributions(name="fasterapi-asgi") if found.read_text("RECORD")
)


def output(*command: str | Path) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_module_exports_its_init_function_only() -> None:
    defined = output("nm", "--dynamic", "--defined-only", MODULE).split("\n")
    assert {line.split()[-1] for line in defined if line} == {"PyInit__core"}


def test_module_brings_libuv_and_llhttp_itself() -> None:
    """Unless CMAKE_ARGS asked for the system's libuv."""
    missing = output("nm", "--dynamic", "--undefined-only", MODULE)
    assert not re.findall(r"\bllhttp_\w+", missing)
    assert "uv_run" not in missing or "libuv.so" in output("ldd", MODULE)


@pytest.mark.parametrize("licence", ["LICENSE", "libuv.txt", "libuv-extra.txt", "llhttp.txt"])
def test_licences_of_all_that_is_inside_are_installed(licence: str) -> None:
    installed = [path for path in DISTRIBUTION.files or [] if path.name == licence]
    assert [path for path in installed if "dist-info/licenses" in path.as_posix()]


def test_type_information_is_installed() -> None:
    package = Path(fasterapi_asgi.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "_core.pyi").exists()


def test_the_header_of_native_handlers_is_installed() -> None:
    assert (Path(native.get_include()) / "fasterapi_native.h").exists()


def test_the_only_requirement_is_click() -> None:
    required = [name for name in DISTRIBUTION.requires or [] if "extra ==" not in name]
    assert [re.split(r"\W", name)[0] for name in required] == ["click"]


@pytest.mark.parametrize(
    "command",
    [
        [str(Path(sys.executable).with_name("fasterapi-asgi"))],
        [sys.executable, "-m", "fasterapi_asgi"],
    ],
    ids=["script", "module"],
)
def test_version_names_us_python_libuv_and_llhttp(command: list[str]) -> None:
    printed = output(*command, "--version")
    assert fasterapi_asgi.__version__ in printed
    assert f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}" in printed
    assert re.search(r"libuv \d+\.\d+\.\d+", printed)
    assert re.search(r"llhttp \d+\.\d+\.\d+", printed)


def test_the_version_is_the_newest_entry_of_the_changelog() -> None:
    newest = re.search(r"^## \[?([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == fasterapi_asgi.__version__ == DISTRIBUTION.version
