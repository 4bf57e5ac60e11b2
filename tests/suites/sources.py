"""The tests of others, out of the source distributions that sources.txt pins by hash.

pip downloads them, so the user's index, proxy and certificate settings hold.
"""

import fcntl
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PINS = Path(__file__).with_name("sources.txt")


def fetch(name: str, into: Path) -> Path:
    """The folder with the tests and the pytest options of the distribution `name`, made once.

    Nothing else of the distribution is unpacked: what the tests import is what is installed.

    Raises:
        RuntimeError: pip could not download it.
    """
    folder = into / name
    into.mkdir(parents=True, exist_ok=True)
    with (into / f"{name}.lock").open("w") as lock:  # xdist's workers share the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=into) as scratch:
                unpack(download(name, Path(scratch)), Path(scratch, name))
                Path(scratch, name).rename(folder)
    return folder


def download(name: str, into: Path) -> Path:
    pins = PINS.read_text().splitlines()
    [pin] = [line for line in pins if line.startswith(f"{name}==")]
    requirement = into / "requirement.txt"
    requirement.write_text(pin)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    options = ["--no-deps", "--require-hashes", "--no-binary", name, "--dest", str(into)]
    done = subprocess.run(
        [*pip, *options, "--requirement", str(requirement)], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"pip could not download {pin.split()[0]}: {done.stderr[-2000:]}")
    [archive] = into.glob("*.tar.gz")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(*Path(member.name).parts[1:])
            wanted = path.parts[:1] == ("tests",) or path == Path("pyproject.toml")
            if wanted and member.isfile() and ".." not in path.parts:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None
                (folder / path).write_bytes(content.read())
