"""fasterapi_asgi._types: the types of ASGI (asgiref, specs/main.rst) and of options."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import ssl
    from configparser import RawConfigParser

    from fasterapi_asgi.config import Config

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

ASGI3Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
ASGI2Application: TypeAlias = Callable[[Scope], Callable[[Receive, Send], Awaitable[None]]]
ASGIApplication: TypeAlias = ASGI2Application | ASGI3Application

StrPath: TypeAlias = str | os.PathLike[str]
Strings: TypeAlias = list[str] | str | None
LogConfig: TypeAlias = "dict[str, Any] | StrPath | RawConfigParser | IO[Any] | None"
SSLContextFactory: TypeAlias = "Callable[[Config, Callable[[], ssl.SSLContext]], ssl.SSLContext]"
NotifyCallback: TypeAlias = Callable[..., Awaitable[None]]
