"""fasterapi_asgi._options: uvicorn's options that are known by name but not built yet.

One table for the command line and for :class:`fasterapi_asgi.Config`: such an option is refused
with one line unless it has a value that changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasterapi_asgi.errors import UnsupportedOption

if TYPE_CHECKING:
    from fasterapi_asgi.config import Config


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """An option that is refused.

    Attributes:
        name: The parameter of ``run()`` and ``Config``.
        flag: The command line's name of it.
        accepted: The values that change nothing, uvicorn's default first.
        remedy: What to do instead.
        is_flag: False where the command line has no such flag, or serves it in part.
    """

    name: str
    flag: str
    accepted: tuple[Any, ...]
    remedy: str
    is_flag: bool = True

    def refuse(self, value: object) -> None:
        """Raise :class:`UnsupportedOption` unless the value changes nothing."""
        if value not in self.accepted:
            raise UnsupportedOption(f"{self.flag} is not supported yet: {self.remedy}")


_RELOAD = "restart the server by hand, or run it under a file watcher."
_WORKERS = (
    "start several servers on one socket with --fd, or behind a proxy, and unset WEB_CONCURRENCY."
)
_PARSER = "leave it out; the built-in HTTP/1.1 parser serves every request."
_WEBSOCKET = "leave it out; WebSocket is not served yet."
_TLS = "let a proxy in front of the server terminate TLS."

NOT_BUILT = (
    NotBuilt("reload", "--reload", (False, None), _RELOAD),
    NotBuilt("reload_dirs", "--reload-dir", (None, (), []), _RELOAD),
    NotBuilt("reload_includes", "--reload-include", (None, (), []), _RELOAD),
    NotBuilt("reload_excludes", "--reload-exclude", (None, (), []), _RELOAD),
    NotBuilt("reload_delay", "--reload-delay", (0.25,), _RELOAD),
    NotBuilt("workers", "--workers", (None, 0, 1), _WORKERS),
    NotBuilt(
        "timeout_worker_healthcheck",
        "--timeout-worker-healthcheck",
        (5,),
        "leave it out; there are no workers.",
    ),
    NotBuilt("http", "--http", ("auto",), _PARSER),
    NotBuilt("http2", "--http2", (False, None), "let a proxy in front of the server speak HTTP/2."),
    NotBuilt("h11_max_incomplete_event_size", "--h11-max-incomplete-event-size", (None,), _PARSER),
    NotBuilt("ws", "--ws", ("auto", "none"), _WEBSOCKET),
    NotBuilt("ws_max_size", "--ws-max-size", (16777216,), _WEBSOCKET),
    NotBuilt("ws_max_queue", "--ws-max-queue", (32,), _WEBSOCKET),
    NotBuilt("ws_ping_interval", "--ws-ping-interval", (20.0,), _WEBSOCKET),
    NotBuilt("ws_ping_timeout", "--ws-ping-timeout", (20.0,), _WEBSOCKET),
    NotBuilt("ws_per_message_deflate", "--ws-per-message-deflate", (True,), _WEBSOCKET),
    NotBuilt("ssl_keyfile", "--ssl-keyfile", (None, ""), _TLS),
    NotBuilt("ssl_certfile", "--ssl-certfile", (None, ""), _TLS),
    NotBuilt("ssl_keyfile_password", "--ssl-keyfile-password", (None,), _TLS),
    NotBuilt("ssl_version", "--ssl-version", (17,), _TLS),
    NotBuilt("ssl_cert_reqs", "--ssl-cert-reqs", (0,), _TLS),
    NotBuilt("ssl_ca_certs", "--ssl-ca-certs", (None,), _TLS),
    NotBuilt("ssl_ciphers", "--ssl-ciphers", (None,), _TLS),
    NotBuilt("ssl_context_factory", "ssl_context_factory", (None,), _TLS, is_flag=False),
    NotBuilt(
        "interface",
        "--interface wsgi",
        ("auto", "asgi3", "asgi2"),
        "wrap the application with a2wsgi.WSGIMiddleware and leave --interface out.",
        is_flag=False,
    ),
    NotBuilt(
        "reset_contextvars",
        "--reset-contextvars",
        (False, None),
        "leave it out; each request runs in a copy of the server's context.",
    ),
)


def refuse_what_is_not_built(config: Config) -> None:
    """Check a configuration that is about to be used.

    Raises:
        UnsupportedOption: it asks for something that is not built yet.
    """
    for option in NOT_BUILT:
        option.refuse(getattr(config, option.name))
