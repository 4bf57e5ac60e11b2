"""fasterapi_asgi._transports: asyncio's transports with the hot parts in C++."""

from __future__ import annotations

import asyncio
from typing import Any

from fasterapi_asgi._core import SocketTransportCore

_asyncio: Any = asyncio.selector_events


class SocketTransport(SocketTransportCore, _asyncio._SelectorSocketTransport):  # type: ignore[misc]
    """A stream over TCP or a Unix socket: reading and writing are C++, the rest is asyncio's."""

    # What both sides use. asyncio's class finds its attributes here, C++ their places.
    __slots__ = ("_buffer", "_conn_lost", "_empty_waiter", "_eof", "_protocol")


class DatagramTransport(_asyncio._SelectorDatagramTransport):  # type: ignore[misc]
    """A UDP or Unix datagram socket."""

    # asyncio makes a bytes object of this size per datagram; glibc maps and unmaps 256 KiB each
    # time, four times the cost of the rest. No datagram is larger than 64 KiB.
    max_size = 64 * 1024
