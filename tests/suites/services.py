"""A PostgreSQL with TLS and a Redis of our own, on loopback, for as long as a test needs them."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

STARTS_IN_S = 60.0


class Unavailable(Exception):
    """The service is not installed; the text says what is missing."""


def program(name: str, package: str) -> str:
    debian = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1:]  # noqa: PTH207
    found = shutil.which(name, path=os.pathsep.join([*debian, os.environ["PATH"]]))
    if found is None:
        raise Unavailable(f"there is no {name} here (Debian: apt-get install {package})")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, **options: Any) -> Iterator[None]:
    """The program, from the moment it listens until the end of the block."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, **options) as process:
        try:
            wait_until_it_listens(process, port)
            yield
        finally:
            process.terminate()


def wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    pause_s = 0.05
    for _ in range(int(STARTS_IN_S / pause_s)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            status = process.wait(pause_s)
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError(f"{process.args} ended with {status}")
    raise RuntimeError(f"{process.args} does not listen")


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL with TLS. As root it runs as user postgres: it refuses root.

    Raises:
        Unavailable: it is not installed.
    """
    initdb, server = program("initdb", "postgresql"), program("postgres", "postgresql")
    as_root = os.geteuid() == 0
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if as_root else {}
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        if as_root:
            shutil.chown(folder, "postgres", "postgres")
        init = [initdb, "-D", str(data), "-U", "suite", "-A", "trust", "-N"]
        subprocess.run(init, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)
        certificate = trustme.CA().issue_cert("localhost", "127.0.0.1")
        key = data / "server.key"
        certificate.private_key_pem.write_to_path(str(key))
        certificate.cert_chain_pems[0].write_to_path(str(data / "server.crt"))
        key.chmod(0o600)
        if as_root:
            shutil.chown(key, "postgres")
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "ssl=on"]
        command = [server, "-D", str(data), "-p", str(port), "-c", "log_min_messages=fatal"]
        command += [word for setting in settings for word in ("-c", setting)]
        with running(command, port, cwd=folder, **user):
            yield f"postgresql://suite@127.0.0.1:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis that keeps nothing.

    Raises:
        Unavailable: it is not installed.
    """
    server, port = program("redis-server", "redis-server"), free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            server,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
        ]
        with running(command, port, cwd=folder):
            yield f"redis://127.0.0.1:{port}"
