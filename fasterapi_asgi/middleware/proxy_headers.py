"""fasterapi_asgi.middleware.proxy_headers: X-Forwarded-*: who is believed, and what it changes.

The rules stand here once. The compiled server asks :class:`_TrustedHosts` once per connection and
calls :func:`apply_forwarded` for the requests that carry such a header;
:class:`ProxyHeadersMiddleware` does the same for whoever wraps an application by hand.
"""

import functools
import ipaddress
from typing import Any

from fasterapi_asgi._types import ASGI3Application, Receive, Scope, Send

_FORWARDED_SCHEMES = frozenset({"http", "https", "ws", "wss"})
_REMEMBERED_PEERS = 4096


class _TrustedHosts:
    """A set of peers: addresses, networks, literals, or ``"*"`` for everybody.

    Args:
        trusted_hosts: A list, or one comma separated string. uvicorn's --forwarded-allow-ips.
    """

    def __init__(self, trusted_hosts: list[str] | str) -> None:
        self.always_trust = trusted_hosts in ("*", ["*"])
        self.trusted_literals: set[str] = set()
        self.trusted_hosts: set[ipaddress.IPv4Address | ipaddress.IPv6Address] = set()
        self.trusted_networks: set[ipaddress.IPv4Network | ipaddress.IPv6Network] = set()
        self._trusts = functools.lru_cache(_REMEMBERED_PEERS)(self._compute_trust)
        if not self.always_trust:
            for host in _split(trusted_hosts) if isinstance(trusted_hosts, str) else trusted_hosts:
                self._add(host)

    def _add(self, host: str) -> None:
        try:
            if "/" in host:
                self.trusted_networks.add(ipaddress.ip_network(host))
            else:
                self.trusted_hosts.add(ipaddress.ip_address(host))
        except ValueError:  # neither an address nor a network
            self.trusted_literals.add(host)

    def __contains__(self, host: str | None) -> bool:
        """Say whether a peer is believed; one without an address (on a unix socket) is by "*"."""
        return self.always_trust or (bool(host) and self._trusts(host))

    def _compute_trust(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host in self.trusted_literals
        return address in self.trusted_hosts or any(
            address in network for network in self.trusted_networks
        )

    def get_trusted_client_address(self, x_forwarded_for: str) -> tuple[str, int]:
        """Return (host, port) of the nearest peer that is not trusted; port 0 if none is given.

        Read from the right, because each proxy appends the peer it saw. If all are trusted it is
        the leftmost, and so it is for ``"*"``, where the client itself may have written it.
        """
        entries = _split(x_forwarded_for)
        if not self.always_trust:
            for entry in reversed(entries):
                host, port = _parse_host_port(entry)
                if host not in self:
                    return host, port
        return _parse_host_port(entries[0])


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _parse_host_port(entry: str) -> tuple[str, int]:
    """Split ``host:port`` and ``[v6]:port``; everything else is a host without a port."""
    host, bracket, rest = entry[1:].partition("]")
    if entry.startswith("[") and bracket and (not rest or rest.startswith(":")):
        return host, _parse_port(rest[1:]) or 0
    host, colon, rest = entry.partition(":")
    port = _parse_port(rest) if colon and ":" not in rest else None
    return (entry, 0) if port is None else (host, port)


def _parse_port(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def apply_forwarded(trusted_hosts: _TrustedHosts, scope: Scope) -> None:
    """Put what X-Forwarded-Proto and X-Forwarded-For say into ``scheme`` and ``client``.

    Args:
        trusted_hosts: Whom to skip in X-Forwarded-For.
        scope: Of an http or websocket connection whose peer is trusted; changed in place.
    """
    proto: bytes | None = None
    peers: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"x-forwarded-proto":
            proto = value  # the last header counts: the nearest proxy wrote it
        elif name == b"x-forwarded-for":
            peers.append(value)
    if proto is not None:
        scheme = proto.decode("latin-1").strip()
        if scheme in _FORWARDED_SCHEMES:
            scope["scheme"] = (
                scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
            )
    if peers:
        host, port = trusted_hosts.get_trusted_client_address(b", ".join(peers).decode("latin-1"))
        if host:
            scope["client"] = (host, port)


class ProxyHeadersMiddleware:
    """Believes X-Forwarded-Proto and X-Forwarded-For of trusted peers. uvicorn's --proxy-headers.

    Args:
        app: The application to wrap.
        trusted_hosts: See :class:`_TrustedHosts`.
    """

    def __init__(self, app: ASGI3Application, trusted_hosts: list[str] | str = "127.0.0.1") -> None:
        self.app = app
        self.trusted_hosts = _TrustedHosts(trusted_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        if scope["type"] in ("http", "websocket"):
            client = scope.get("client")
            if (client[0] if client else None) in self.trusted_hosts:
                apply_forwarded(self.trusted_hosts, scope)
        return await self.app(scope, receive, send)
