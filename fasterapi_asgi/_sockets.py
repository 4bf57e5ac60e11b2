"""fasterapi_asgi._sockets: makes bound sockets of --host, --port, --uds and --fd.

Python owns the sockets; the compiled server accepts on duplicates of them. The rules of names,
addresses and error texts are those of ``asyncio.create_server``, because uvicorn binds with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasterapi_asgi.errors import OptionError
from fasterapi_asgi.logging import style

if TYPE_CHECKING:
    from fasterapi_asgi._core import HttpServer
    from fasterapi_asgi.config import Config

_QUIT = "(Press CTRL+C to quit)"
_UDS_MODE = 0o666  # uvicorn's: whoever can reach the folder can connect
_LIKE_3_13 = sys.version_info >= (3, 13)  # asyncio changed a rule and a text
_HIGHEST_PORT = 65535
_LONGEST_BACKLOG = 2**31 - 1  # a C int; the kernel has a lower limit of its own


async def open_sockets(config: Config) -> list[socket.socket]:
    """Bind what the configuration names; nothing listens yet.

    Raises:
        OSError: the address cannot be resolved or bound.
        OptionError: --fd, --uds or --port has a value that no socket can have.
    """
    if config.fd is not None:
        return [adopt_fd(config.fd)]
    if config.uds is not None:
        return [_bind_unix(os.fspath(config.uds))]
    return _bind_all(await _resolve(config.host, _port_of(config)))


async def open_admin_sockets(bind: str) -> list[socket.socket]:
    """Bind what ``--admin-bind`` names; nothing listens yet.

    Raises:
        OSError: the address cannot be resolved or bound.
        OptionError: it is no address, or a unix socket that cannot be bound.
    """
    if (path := admin_path(bind)) is not None:
        return [_bind_unix(path, "--admin-bind")]
    host, _, text = bind.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    port = _port_in(text)
    if not host or port is None:
        raise OptionError(
            f"--admin-bind {bind!r} is no address: give HOST:PORT, such as 127.0.0.1:9000 or "
            "[::1]:9000, or unix:PATH."
        )
    return _bind_all(await _resolve(host, port))


def admin_path(bind: str) -> str | None:
    """Return the path of the unix socket that ``--admin-bind`` names; None if it names none."""
    return bind.removeprefix("unix:") if bind.startswith("unix:") else None


def _port_of(config: Config) -> int:
    port = _port_in(config.port)  # programs pass what they found in the environment
    if port is None:
        raise OptionError(
            f"--port {config.port} is not a port: give a number from 0 to {_HIGHEST_PORT}."
        )
    return port


def _port_in(given: int | str) -> int | None:
    with contextlib.suppress(ValueError):
        if 0 <= (port := int(given)) <= _HIGHEST_PORT:
            return port
    return None


def adopt_fd(fd: int) -> socket.socket:
    """Return a duplicate of a stream socket that somebody else has bound, with its real family.

    Raises:
        OptionError: there is no such descriptor, or it is something else.
    """
    try:
        sock = _from_duplicate(os.dup(fd))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "Bad file descriptor"
        raise OptionError(
            f"--fd {fd} cannot be used: {reason}. Give an open, bound stream socket."
        ) from error
    if sock.type != socket.SOCK_STREAM:
        sock.close()
        raise OptionError(f"--fd {fd} is not a stream socket. Give an open, bound stream socket.")
    sock.setblocking(False)
    return sock


def _from_duplicate(fd: int) -> socket.socket:
    try:
        return socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        raise


async def _resolve(host: str | None, port: int) -> list[Any]:
    """Look the host up; without a thread if it is a number or stands for all interfaces."""
    flags = socket.AI_PASSIVE
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=flags | socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(found))


def _bind_all(addresses: list[Any]) -> list[socket.socket]:
    """Bind one socket per address, all or none.

    An address that this machine lacks is left out, as asyncio does from Python 3.13 on.
    """
    bound: list[socket.socket] = []
    with contextlib.ExitStack() as undo:
        for family, kind, protocol, _, address in addresses:
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:  # the kernel lacks the family, for example IPv6
                continue
            undo.callback(sock.close)
            _bind(sock, address, bound)
        undo.pop_all()
    if not bound:
        raise OSError(
            f"could not bind on any address out of {[address[4] for address in addresses]!r}"
        )
    return bound


def _bind(sock: socket.socket, address: Any, bound: list[socket.socket]) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL and _LIKE_3_13:
            sock.close()
            return
        reason = str(error) if _LIKE_3_13 else str(error.strerror)
        text = f"error while attempting to bind on address {address!r}: {reason.lower()}"
        raise OSError(error.errno, text) from None
    sock.setblocking(False)
    bound.append(sock)


def _bind_unix(path: str, option: str = "--uds") -> socket.socket:
    """Bind a unix socket. A stale one is replaced and passes its mode on; other files stay."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        mode = _remove_stale(path)
        sock.bind(path)
        Path(path).chmod(mode)
    except (OSError, ValueError) as error:
        sock.close()
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise OptionError(
            f"{option} {path!r} cannot be bound: {cause}."
            " Give a path in an existing, writable folder that no other file has."
        ) from error
    sock.setblocking(False)
    return sock


def _remove_stale(path: str) -> int:
    """Remove a socket that is in the way and return the mode that the new one gets."""
    if not path:
        raise ValueError("the path is empty")
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return _UDS_MODE
    if stat.S_ISSOCK(mode):
        Path(path).unlink()
    return stat.S_IMODE(mode)


def bind_for_handover(config: Config) -> socket.socket:
    """Bind one inheritable socket, for ``Config.bind_socket``.

    Raises:
        OSError, OptionError: the socket cannot be bound.
    """
    if config.fd is not None:
        sock = adopt_fd(config.fd)
    elif config.uds is not None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(os.fspath(config.uds))
        Path(config.uds).chmod(_UDS_MODE)
    else:
        host = config.host or "0.0.0.0"
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, _port_of(config)))
    sock.set_inheritable(True)
    return sock


def running_message(config: Config, sock: socket.socket) -> tuple[str, tuple[Any, ...], str | None]:
    """Return format, arguments and coloured format of the line that says where the server runs."""
    if config.fd is not None:
        return f"Uvicorn running on socket %s {_QUIT}", (sock.getsockname(),), None
    if config.uds is not None:
        return f"Uvicorn running on unix socket %s {_QUIT}", (config.uds,), None
    host = "0.0.0.0" if config.host is None else config.host
    url = "%s://[%s]:%d" if ":" in host else "%s://%s:%d"
    arguments = (
        "https" if config.is_ssl else "http",
        host,
        _port_of(config) or sock.getsockname()[1],
    )
    return (
        f"Uvicorn running on {url} {_QUIT}",
        arguments,
        f"Uvicorn running on {style(url, bold=True)} {_QUIT}",
    )


def name_of(sock: socket.socket) -> str:
    """Return the address of a bound socket, as a person would type it."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Listener:
    """Sockets that listen until it is closed; ``Server.servers`` holds such objects.

    Args:
        core: Accepts the connections.
        sockets: Bound sockets; this object closes them.
        backlog: Connections that the kernel keeps until they are accepted. uvicorn's --backlog.
        uds: A path to remove at the end if it still belongs to the socket.
        admin: Whether the sockets are those of ``--admin-bind``.

    Raises:
        OSError: a socket cannot listen.
    """

    def __init__(
        self,
        core: HttpServer,
        sockets: Sequence[socket.socket],
        backlog: int,
        uds: str | None = None,
        *,
        admin: bool = False,
    ) -> None:
        listen: Callable[[int, int], None] = core.listen_admin if admin else core.listen
        self._stop_listening: Callable[[], None] = (
            core.stop_listening_admin if admin else core.stop_listening
        )
        self._sockets = tuple(sockets)
        self._uds = Path(uds).absolute() if uds is not None else None
        self._uds_inode = self._uds.stat().st_ino if self._uds is not None else None
        for sock in sockets:
            listen(sock.fileno(), min(max(0, backlog), _LONGEST_BACKLOG))

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; empty after :meth:`close`."""
        return self._sockets

    def is_serving(self) -> bool:
        """Say whether connections are accepted."""
        return bool(self._sockets)

    def close(self) -> None:
        """Stop listening, on every socket of its kind; open connections go on."""
        if not self._sockets:
            return
        self._stop_listening()
        self._remove_uds()
        for sock in self._sockets:
            sock.close()
        self._sockets = ()

    async def wait_closed(self) -> None:
        """Return at once: the server itself waits for its connections."""

    def _remove_uds(self) -> None:
        if self._uds is None:
            return
        with contextlib.suppress(OSError):  # somebody else has removed it
            if self._uds.stat().st_ino == self._uds_inode:
                self._uds.unlink()
