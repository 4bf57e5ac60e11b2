"""Puts C and C++ sources of others beside this file: `fetch.py libuv llhttp catch2`.

Each comes out of a source distribution on PyPI that carries it. `<name>.txt` pins that file by
hash. pip downloads it, so the user's index, proxy and certificate settings hold. A folder that is
already here, ours or yours, is kept.
"""

import fcntl
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CARRIED_AT = {"libuv": "vendor/libuv", "llhttp": "vendor/llhttp", "catch2": "tests/catch2_v3"}
TAKEN = ("include", "src", "LICENSE", "LICENSE-extra", "LICENSE-MIT", "catch.hpp", "catch.cpp")


def fetch(name: str) -> None:
    folder, pin = HERE / name, HERE / f"{name}.txt"
    source = folder / "SOURCE"  # which pin the folder was made from; absent in a folder of your own
    if folder.exists() and (not source.exists() or source.read_bytes() == pin.read_bytes()):
        return
    carrier = pin.read_text().partition("==")[0]
    with tempfile.TemporaryDirectory(dir=HERE) as scratch:
        download = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            f"--no-binary={carrier}",
            f"--requirement={pin}",
            f"--dest={scratch}",
        ]
        if subprocess.run(download).returncode:
            sys.exit(
                f"third_party: pip could not download {name} (its message is above). Without a "
                f"network: build from our sdist, which contains it, or put its sources at {folder}."
            )
        [archive] = Path(scratch).glob("*.tar.gz")
        unpack(archive, CARRIED_AT[name], Path(scratch, name))
        Path(scratch, name, "SOURCE").write_bytes(pin.read_bytes())
        if folder.exists():
            folder.rename(Path(scratch, "old"))
        Path(scratch, name).rename(folder)


def unpack(archive: Path, carried_at: str, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name.partition(f"/{carried_at}/")[2])
            if member.isfile() and path.parts and path.parts[0] in TAKEN and ".." not in path.parts:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(tar.extractfile(member).read())


if __name__ == "__main__":
    with open(__file__) as lock:  # several builds may run at once, as under `tox run-parallel`
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in sys.argv[1:]:
            fetch(name)
