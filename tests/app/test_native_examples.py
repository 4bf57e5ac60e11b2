"""examples/native: built by both recipes as a user would, then started and asked."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from app_server import EXAMPLES, ServerProcess

FOLDER = EXAMPLES / "native"
PATH = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
FROM_C = "Hello from C!\n"


def run(*command: str | Path, cwd: Path) -> None:
    environment = {**os.environ, "PATH": PATH}
    ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def by_cmake(folder: Path) -> Path:
    if not (shutil.which("cmake", path=PATH) and shutil.which("make")):
        pytest.skip("cmake or make is not installed")
    run("cmake", "-S.", "-Bbuild", f"-DPython_EXECUTABLE={sys.executable}", cwd=folder)
    run("cmake", "--build", "build", cwd=folder)
    return folder / "build"


def by_setuptools(folder: Path) -> Path:
    run(sys.executable, "setup.py", "-q", "build_ext", "--inplace", cwd=folder)
    return folder


@pytest.fixture(params=[by_cmake, by_setuptools], ids=lambda recipe: str(recipe.__name__))
def libraries(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if not (shutil.which("cc") and shutil.which("c++")):
        pytest.skip("there is no compiler: cc and c++ are not both on PATH")
    copy = tmp_path / "native"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("build", "*.so"))
    return Path(request.param(copy))


def serve(target: str, folder: Path, *arguments: str, cwd: Path) -> Iterator[ServerProcess]:
    server = ServerProcess("fasterapi_asgi", target, "--app-dir", str(folder), *arguments, cwd=cwd)
    try:
        server.wait_until_running()
        yield server
    finally:
        server.end()


def test_the_libraries_answer_in_front_of_an_application(libraries: Path, tmp_path: Path) -> None:
    options = [f"--native={libraries / name}.so" for name in ("hello", "upper")]
    for server in serve("raw:app", EXAMPLES / "hello", *options, cwd=tmp_path):
        with httpx2.Client(base_url=server.url) as client:
            assert client.get("/fast").text == FROM_C
            assert client.get("/square/12").json() == {"square": 144}
            assert client.get("/square/1234567890").status_code == 404
            assert client.get("/later?soon").text == "soon"
            assert client.post("/upper", content="in capitals").text == "IN CAPITALS"
            assert client.get("/private/a").status_code == 403
            assert client.get("/private/a", headers={"x-key": "open"}).text == "Hello, world!"
            assert client.get("/").text == "Hello, world!"


def test_a_handler_in_python_answers(tmp_path: Path) -> None:
    for server in serve("ctypes_handler:app", FOLDER, cwd=tmp_path):
        assert httpx2.get(f"{server.url}/query?why").text == "you asked: why"
        assert httpx2.get(server.url).text == "from the application"
