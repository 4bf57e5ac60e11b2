"""The rows of the cache's poisoning matrix: somebody's request, and somebody else's plain one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cache_app
from wire import get, post

EVIL = "evil"
UNTRUSTED = "127.0.0.2"  # a peer that is not believed


@dataclass(frozen=True)
class Row:
    name: str
    attack: bytes
    target: str = "/mirror"
    fields: tuple[str, ...] = ()  # of the plain request that are in its key
    scheme: str = "http"
    source: str | None = None  # where the attack comes from

    @property
    def plain(self) -> bytes:
        return get(self.target, *self.fields)

    @property
    def method(self) -> str:
        return self.attack.partition(b" ")[0].decode()

    @property
    def spoils(self) -> bool:
        """What is being made while it comes is not stored: its method may have changed it."""
        return self.method not in {"GET", "HEAD", "OPTIONS"} and b" HTTP/1" in self.attack

    def expected(self) -> dict[str, Any]:
        """What an application tells of a request that has nothing but the key."""
        path, _, query = self.target.partition("?")
        keyed = [line.split(": ", 1) for line in self.fields]
        forwarded = [name for name, _ in keyed if name.startswith("X-Forwarded")]
        told = {
            "method": "GET",
            "path": path,
            "raw_path": path,
            "query": query,
            "scheme": self.scheme,
            "root_path": "",
            "http_version": "1.1",
            "client": None,
            "server": None,
            "headers": [["host", "a"], *([n.lower(), v] for n, v in keyed if n not in forwarded)],
            "trace": "none",
            "state": {"started": "yes"},
        }
        if path in cache_app.PAGES:
            told |= {"url": f"{self.scheme}://a{self.target}", "base": f"{self.scheme}://a/"}
            told["session"] = {}
        return told


def raw(first_line: str, *lines: str) -> bytes:
    return "\r\n".join([first_line, *lines, "", ""]).encode("latin-1")


def field_rows() -> Iterator[Row]:
    """A field that is in no key, at applications that believe it or tell it."""
    for name in ONE_FIELD:
        value = VALUES.get(name.lower(), f"{EVIL}.example")
        yield Row(f"the field {name}", get("/mirror", f"{name}: {value}"))
    for name in BELIEVED:
        value = VALUES.get(name.lower(), f"/{EVIL}")
        yield Row(f"the field {name}, believed", get("/gullible", f"{name}: {value}"), "/gullible")


ONE_FIELD = [
    "X-Forwarded-Host",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Path",
    "X-Forwarded-Ssl",
    "Forwarded",
    "X-Real-IP",
    "X-Host",
    "X-Original-Host",
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Via",
    "User-Agent",
    "Accept",
    "Accept-Language",
    "Accept-Encoding",
    "Accept-Charset",
    "Origin",
    "Referer",
    "Cookie",
    "Authorization",
    "Proxy-Authorization",
    "Cache-Control",
    "Pragma",
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "X-Anything",
    "X_Forwarded_Host",
    "X-API-Key",
    "X-User",
    "Traceparent",
    "Tracestate",
    "Baggage",
    "X-Request-ID",
    "B3",
    "Sec-Fetch-Mode",
    "Purpose",
    "X-Requested-With",
    "Content-Type",
    "TE",
    "DNT",
    "Save-Data",
    "Max-Forwards",
    "Keep-Alive",
    "Surrogate-Capability",
]
BELIEVED = [
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-URI",
    "X-Forwarded-Path",
    "X-Forwarded-Prefix",
    "X-Script-Name",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Forwarded-Scheme",
    "X-Url-Scheme",
]
VALUES = {
    "x-forwarded-proto": "https",
    "cache-control": "no-cache",
    "range": "bytes=0-3",
    "if-none-match": '"evil", *',
    "if-match": "*",
    "if-range": '"evil"',
    "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT",
    "if-unmodified-since": "Fri, 01 Jan 2100 00:00:00 GMT",
    "x-http-method-override": "POST",
    "x-http-method": "DELETE",
    "x-method-override": "PUT",
    "x-forwarded-scheme": "evil",
    "x-url-scheme": "evil",
    "accept-encoding": "gzip, evil",
    "te": "trailers",
}


def line(target: str, host: str = "a", version: str = "1.1", *fields: str) -> bytes:
    return raw(f"GET {target} HTTP/{version}", f"Host: {host}", *fields)


HOSTS = {
    "another Host": "evil.example",
    "the Host in capitals": "A",
    "the Host with a port": "a:80",
    "the Host with another port": "a:666",
    "the Host with a trailing dot": "a.",
    "a Host that ends in the right one": "evil.a",
    "a Host that begins with the right one": "a.evil",
    "a Host with an @": "evil@a",
    "a Host with a path": "a/evil",
    "a Host with a blank": "a evil",
    "a Host of two": "a, evil",
    "no Host in the field": "",
    "a Host in brackets": "[::1]",
    "a Host with escapes": "%61",
}
TARGETS = {
    "a whole URI": "http://a/mirror",
    "a whole URI with another authority": "http://evil.example/mirror",
    "a whole URI of another scheme": "https://a/mirror",
    "an escaped letter": "/%6dirror",
    "an escaped slash": "/mirror%2F",
    "an escaped slash in small letters": "/mirror%2f",
    "an escaped slash in front": "/%2Fmirror",
    "two slashes": "//mirror",
    "two slashes and a host": "//evil.example/mirror",
    "a dot": "/./mirror",
    "two dots": "/x/../mirror",
    "two dots and a semicolon": "/x/..;/mirror",
    "escaped dots": "/x/%2e%2e/mirror",
    "a slash behind": "/mirror/",
    "a slash and a dot behind": "/mirror/.",
    "a parameter of the path": "/mirror;evil=1",
    "an escaped question mark": "/mirror%3flang=evil",
    "an escaped nul": "/mirror%00evil",
    "a nul": "/mirror\0evil",
    "a fragment": "/mirror#evil",
    "a backslash": "\\mirror",
    "capitals": "/MIRROR",
    "bytes that are no ASCII": "/mirror\xe9",
    "a query without anything": "/mirror?",
    "a query of a separator": "/mirror?&",
    "an undeclared parameter": "/mirror?evil=1",
    "a parameter of analytics": "/mirror?utm_source=evil",
    "two question marks": "/mirror??lang=evil",
}
QUERIES = {
    "a cloaked parameter": "utm_source=x;lang=evil",
    "a cloaked parameter behind the right one": "lang=en;lang=evil",
    "a parameter that is there twice": "lang=en&lang=evil",
    "a parameter that is there twice, the right one last": "lang=evil&lang=en",
    "an escaped name": "lang=en&la%6eg=evil",
    "an escaped name alone": "la%6eg=evil",
    "a name in capitals": "LANG=evil",
    "a list": "lang[]=evil",
    "a list beside the right one": "lang=en&lang[]=evil",
    "a name with a blank": "lang=en&+lang=evil",
    "an undeclared parameter beside it": "lang=en&callback=evil",
    "an undeclared parameter before it": "evil&lang=en",
    "another parameter that is declared": "lang=en&page=evil",
    "an escaped separator": "lang=en%26lang=evil",
    "an escaped end of a line": "lang=en%0d%0aSet-Cookie:evil",
    "no value": "lang=",
    "no sign": "lang",
    "a separator behind": "lang=en&",
    "another value": "lang=evil",
}


def target_rows() -> Iterator[Row]:
    for name, host in HOSTS.items():
        yield Row(name, line("/mirror", host))
        yield Row(f"{name}, where hosts are checked", line("/trusted/page", host), "/trusted/page")
    for name, target in TARGETS.items():
        yield Row(name, line(target))
    for name, query in QUERIES.items():
        yield Row(f"{name} in the query", line(f"/mirror?{query}"), "/mirror?lang=en")
        yield Row(f"{name} in a query, no query later", line(f"/mirror?{query}"))
    yield Row("no query, a query later", line("/mirror"), "/mirror?lang=en")


def vary_rows() -> Iterator[Row]:
    html, plain = "Accept: text/html", "Accept: text/plain"
    for path in ("/varied", "/learned"):
        for name, fields in {
            "another value": ("Accept: text/evil",),
            "no value": ("Accept:",),
            "the value in capitals": ("Accept: TEXT/HTML",),
            "blanks around the value": ("Accept: \t text/html , text/evil \t",),
            "the field twice": (html, "Accept: text/evil"),
            "the field twice, the right one last": ("Accept: text/evil", html),
            "the field not at all": (),
            "the value under another name": ("Accept-Language: text/html", "X-Device: text/html"),
            "another field beside it": (html, "Accept-Language: evil", "X-Device: evil"),
            "a field that is in no key beside it": (html, "X-Anything: evil"),
        }.items():
            attack = get(path, *fields)
            yield Row(f"{name}, of a field that {path} has in its key", attack, path, (html,))
            yield Row(f"{name}, of such a field of {path}, none later", attack, path)
            yield Row(
                f"{name}, of such a field of {path}, empty later", attack, path, ("Accept: ",)
            )
        yield Row(f"another's whole request at {path}", get(path, plain), path, (html,))


def message_rows() -> Iterator[Row]:
    yield Row("HEAD", get("/mirror", "X-Anything: evil", method="HEAD"))
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "QUERY"):
        yield Row(f"{method}", get("/mirror", "X-Anything: evil", method=method))
    body = post("/mirror", b"evil").replace(b"POST", b"GET", 1)
    yield Row("GET with a body", body)
    yield Row("GET with an empty body", get("/mirror", "Content-Length: 0", "X-Anything: evil"))
    chunked = get("/mirror", "Transfer-Encoding: chunked")
    yield Row("GET with a chunked body", chunked + b"4\r\nevil\r\n0\r\n\r\n")
    yield Row("GET with an empty chunked body", chunked + b"0\r\n\r\n")
    yield Row(
        "GET with both framings", get("/mirror", "Content-Length: 4", *CHUNKED) + b"0\r\n\r\n"
    )
    yield Row("an expectation", get("/mirror", "Expect: 100-continue"))
    yield Row("an upgrade", get("/mirror", "Connection: Upgrade", "Upgrade: evil"))
    yield Row("a field that Connection names", get("/mirror", "Connection: X-Evil", "X-Evil: evil"))
    yield Row("HTTP/1.0", line("/mirror", "a", "1.0", "X-Anything: evil"))
    yield Row(
        "HTTP/1.0 that is kept",
        line("/mirror", "a", "1.0", "X-Anything: evil", "Connection: keep-alive"),
    )
    yield Row("HTTP/1.0 without a Host", raw("GET /mirror HTTP/1.0", "X-Anything: evil"))
    yield Row("two Hosts", line("/mirror", "a", "1.1", "Host: evil"))
    yield Row("a folded line", line("/mirror", "a", "1.1", "X-Anything: a", " evil"))
    yield Row("what is no HTTP", raw("GET /mirror EVIL/1.1", "Host: a"))


CHUNKED = ("Transfer-Encoding: chunked",)


def proxy_rows() -> Iterator[Row]:
    secure = "X-Forwarded-Proto: https"
    for source, who in (UNTRUSTED, "an untrusted peer"), (None, "a trusted peer"):
        attack = get("/mirror", secure)
        yield Row(f"the scheme https of {who}, http later", attack, source=source)
        attack = get("/mirror", secure, "X-Forwarded-Host: evil", "X-Forwarded-For: 6.6.6.6")
        yield Row(f"scheme, host and client of {who}", attack, source=source)
    for source, who in (UNTRUSTED, "an untrusted peer"), (None, "a trusted peer"):
        for value in ("http", "HTTPS", "evil", "https, http", "ws", ""):
            fields = (f"X-Forwarded-Proto: {value}", "X-Anything: evil")
            name = f"the scheme {value!r} of {who}, https later"
            attack = get("/mirror", *fields)
            yield Row(name, attack, "/mirror", (secure,), "https", source)
    two = get("/mirror", secure, "X-Forwarded-Proto: http", "X-Anything: evil")
    yield Row("two schemes, https later", two, "/mirror", (secure,), "https")


def middleware_rows() -> Iterator[Row]:
    origin = "Origin: https://evil.example"
    preflight = get("/cors/page", origin, "Access-Control-Request-Method: GET", method="OPTIONS")
    yield Row("an Origin at CORSMiddleware", get("/cors/page", origin), "/cors/page")
    yield Row("a preflight at CORSMiddleware", preflight, "/cors/page")
    gzip = get("/gzip/page", "Accept-Encoding: gzip")
    yield Row("gzip at GZipMiddleware", gzip, "/gzip/page")
    for field in ("X-User: evil", "Cookie: user=evil", "Cookie: session=evil"):
        name = f"{field} at SessionMiddleware"
        yield Row(name, get("/session/page", field), "/session/page")
    request_id = get("/base/page", "X-Request-ID: evil")
    yield Row("an id at BaseHTTPMiddleware", request_id, "/base/page")
    forwarded = ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Evil: evil")
    yield Row("ProxyHeadersMiddleware", get("/proxied/page", *forwarded), "/proxied/page")
    yield Row("a redirect", get("/base/slash", "X-Forwarded-Host: evil"), "/base/page")


ROWS = [
    *field_rows(),
    *target_rows(),
    *vary_rows(),
    *message_rows(),
    *proxy_rows(),
    *middleware_rows(),
]
