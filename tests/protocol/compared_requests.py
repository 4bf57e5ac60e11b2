"""What the comparison with uvicorn sends: requests made by hand, and composed ones.

The composed ones come from a seed, so that every run sends the same.
"""

import random
from collections.abc import Iterator, Sequence

import compared_pieces as pieces
from compared_app import ANSWERS, WAYS
from compared_wire import Case

SEED = 9112
COMPOSED = 500
KEPT = b"GET /behind?it HTTP/1.1\r\nHost: a\r\n\r\n"


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def request(
    *fields: str | bytes,
    target: str | bytes = "/",
    method: str = "GET",
    version: str = "HTTP/1.1",
    host: str | None = "a",
    body: bytes = b"",
) -> bytes:
    """A request that is right unless the arguments say otherwise; strings are sent as latin-1."""
    first = b" ".join([as_bytes(method), as_bytes(target), as_bytes(version)])
    hosts = [] if host is None else [f"Host: {host}"]
    return b"\r\n".join([first, *map(as_bytes, [*hosts, *fields]), b"", b""]) + body


def post(body: bytes, *fields: str | bytes, version: str = "HTTP/1.1") -> bytes:
    length = f"Content-Length: {len(body)}"
    return request(*fields, length, method="POST", version=version, body=body)


def chunked(body: bytes, *fields: str | bytes, version: str = "HTTP/1.1") -> bytes:
    coding = "Transfer-Encoding: chunked"
    return request(*fields, coding, method="POST", version=version, body=body)


def one_each(kind: str, values: Sequence[str | bytes | None], make: object) -> Iterator[Case]:
    """For each value a request that has it, with another request behind it."""
    for value in values:
        text = repr(value)
        name = f"{kind} {text if len(text) <= 60 else f'{text[:50]}... {len(text)}'}"
        yield Case(name, [make(value), KEPT], one_by_one=True)  # type: ignore[operator]


def single_pieces() -> Iterator[Case]:
    p = pieces
    yield from one_each("method", p.METHODS + p.ODD_METHODS, lambda x: request(method=x))
    yield from one_each("target", p.TARGETS + p.ODD_TARGETS, lambda x: request(target=x))
    yield from one_each(
        "target of OPTIONS", ["*", "/", "a"], lambda x: request(method="OPTIONS", target=x)
    )
    yield from one_each(
        "target on 1.0", ["http://h/x"], lambda x: request(version="HTTP/1.0", target=x)
    )
    yield from one_each("host", p.HOSTS + p.ODD_HOSTS, lambda x: request(host=x))
    yield from one_each(
        "host on 1.0", [None, "", "a,b"], lambda x: request(host=x, version="HTTP/1.0")
    )
    yield from one_each("second host", ["a", "b"], lambda x: request(f"Host: {x}"))
    yield from one_each("field", p.FIELDS + p.ODD_FIELDS, request)
    yield from one_each("forwarded", p.FORWARDED + p.SHADOWS, request)
    yield from one_each("version", p.VERSIONS + p.ODD_VERSIONS, lambda x: request(version=x))
    yield from one_each("length", p.LENGTHS + p.ODD_LENGTHS, length_of)
    yield from one_each("coding", p.CODINGS + p.ODD_CODINGS, coding_of)
    yield from one_each("coding on 1.0", p.BODIES[:1], lambda x: chunked(x, version="HTTP/1.0"))
    yield from one_each("chunks", p.BODIES + p.ODD_BODIES, chunked)
    yield from one_each("connection", p.CONNECTIONS, lambda x: request(f"Connection: {x}"))
    yield from one_each(
        "connection on 1.0",
        p.CONNECTIONS,
        lambda x: request(f"Connection: {x}", version="HTTP/1.0"),
    )
    yield from one_each(
        "expect", p.EXPECTS + p.ODD_EXPECTS, lambda x: post(b"hello", f"Expect: {x}")
    )
    yield from one_each("expect without a body", p.EXPECTS, lambda x: request(f"Expect: {x}"))
    yield from one_each(
        "expect on 1.0", p.EXPECTS, lambda x: post(b"hello", f"Expect: {x}", version="HTTP/1.0")
    )
    yield from one_each(
        "expect, early answer", p.EXPECTS, lambda x: post(b"hello", f"Expect: {x}", "X-App: early")
    )
    for kind, make in {
        "upgrade": request,
        "upgrade with a body": lambda *f: post(b"hello", *f),
    }.items():
        yield from one_each(
            kind, p.UPGRADES, lambda x, make=make: make("Connection: Upgrade", f"Upgrade: {x}")
        )
    yield from one_each(
        "upgrade without connection", p.UPGRADES, lambda x: request(f"Upgrade: {x}")
    )
    yield from one_each(
        "upgrade on 1.0",
        p.UPGRADES[:1],
        lambda x: request("Connection: Upgrade", f"Upgrade: {x}", version="HTTP/1.0"),
    )
    yield from one_each("lead", p.LEADS + p.ODD_LEADS, lambda x: x + request())
    for lead in p.LEADS + p.ODD_LEADS:
        yield Case(f"lead of the next {lead!r}", [request(), lead + KEPT])


def length_of(value: str | bytes | None) -> bytes:
    return request(f"Content-Length: {value!s}", method="POST", body=b"hello")


def coding_of(value: str | bytes | None) -> bytes:
    coding = f"Transfer-Encoding: {value!s}"
    return request(coding, method="POST", body=pieces.BODIES[0])


def structures() -> Iterator[Case]:
    """Several requests, and bytes that come in parts."""
    get, five, chunks = request(), post(b"hello"), chunked(pieces.BODIES[0])
    yield Case("three in one segment", [get, five, chunks])
    yield Case("three one by one", [get, five, chunks], one_by_one=True)
    yield Case("pipeline of twenty", [request(target=f"/{number}") for number in range(20)])
    yield Case("head, then more", [request(method="HEAD"), get, request(method="HEAD"), five])
    yield Case("close before more", [request("Connection: close"), get])
    yield Case("1.0 before more", [request(version="HTTP/1.0"), get])
    yield Case("the application closes before more", [request("X-App: close"), get])
    yield Case("malformed behind two", [get, five, b"nonsense\r\n\r\n"])
    yield Case("malformed one by one", [get, five, b"nonsense\r\n\r\n"], one_by_one=True)
    yield Case(
        "malformed behind one that closes", [request("Connection: close"), b"nonsense\r\n\r\n"]
    )
    yield Case("half a head", [get[:-5]], complete=False)
    yield Case("half a head behind one", [get, get[:-5]], complete=False)
    yield Case("half a body", [five[:-2]], complete=False)
    yield Case("half a chunk", [chunks[:-12]], complete=False)
    yield Case("no version", [b"GET /\r\nHost: a\r\n\r\n"])
    yield Case("large head", [request(*[f"X: {'v' * 900}"] * 85), KEPT])
    yield Case("nothing", [b""])
    for name, data in {
        "get": get,
        "length": five,
        "chunks": chunks,
        "expect": post(b"hello", "Expect: 100-continue"),
    }.items():
        for cut in range(1, len(data)):
            yield Case(f"{name} cut at {cut}", [data, KEPT], (cut,))
        yield Case(f"{name} byte by byte", [data, KEPT], tuple(range(len(data))))
    for count in (1, 5):
        yield Case(f"body of {count * 65536} bytes", [post(bytes(count * 65536)), KEPT])
    yield Case(
        "late body behind an early answer", [post(bytes(1000), "X-App: early"), KEPT], (150, 500)
    )
    yield Case(
        "large body behind an early answer", [post(bytes(70000), "X-App: early"), KEPT], (150, 1000)
    )
    yield Case("early answer to a whole body", [post(bytes(1000), "X-App: early"), KEPT])
    yield Case("early answer to chunks", [chunked(pieces.BODIES[0], "X-App: early"), KEPT])
    yield Case(
        "early answer to malformed chunks", [chunked(b"5\r\nhello!", "X-App: early"), KEPT], (100,)
    )
    yield Case(
        "early answer to malformed chunks at once", [chunked(b"5\r\nhello!", "X-App: early"), KEPT]
    )
    for size in (10, 40, 65, 200, 1000):
        fields = [f"X-{number}: {'v' * 600}" for number in range(size)]
        yield Case(f"{size} fields", [request(*fields), KEPT])
        yield Case(f"{size} small fields", [request(*["X: y"] * size), KEPT])
    for size in (16000, 17000):
        extended = b"5;a=" + b"e" * size + b"\r\nhello\r\n0\r\n\r\n"
        yield Case(f"chunk extension of {size} bytes", [chunked(extended), KEPT])
    for count in (90, 110):
        trailed = b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * count + b"\r\n"
        yield Case(f"{count} trailers", [chunked(trailed), KEPT])
    for size in (8000, 16000, 17000, 60000, 66000):
        yield Case(f"field of {size} bytes", [request(f"X: {'v' * size}"), KEPT])
        yield Case(f"target of {size} bytes", [request(target=f"/{'t' * size}"), KEPT])


def half_closes() -> Iterator[Case]:
    get = request()
    for name, data in {
        "a whole request": get,
        "a whole body": post(b"hello"),
        "half a head": get[:-5],
        "half a body": post(b"hello")[:-2],
        "half a chunk": chunked(pieces.BODIES[0])[:-12],
        "an early answer to half a body": post(b"hello", "X-App: early")[:-2],
        "nothing": b"",
    }.items():
        yield Case(f"half-close behind {name}", [data], half_close=True)
    yield Case("half-close before the answer", [request("X-App: late")], half_close=True)
    yield Case(
        "half-close before the second answer", [get, request("X-App: late")], half_close=True
    )


def answers() -> Iterator[Case]:
    """Each answer of the application to each kind of request."""
    kinds = {"GET": {}, "HEAD": {"method": "HEAD"}, "GET on 1.0": {"version": "HTTP/1.0"}}
    for kind, how in kinds.items():
        for name in [*ANSWERS, *WAYS]:
            case = [request(f"X-App: {name}", **how)]  # type: ignore[arg-type]
            if name != "late":
                yield Case(f"{name} to {kind}", case)
    for name in WAYS:
        if name != "late":
            yield Case(f"{name} to POST", [post(b"hello", f"X-App: {name}")])


class Composer:
    """Requests made of random pieces: at most one is odd, so what comes of it can be told."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def case(self, number: int) -> Case:
        count = self._random.choice([1, 1, 2, 3, 4])
        requests = [self._request() for _ in range(count)]
        size = sum(map(len, requests))
        # What an application has seen of a body that is refused depends on where it is cut.
        may_cut = not any(b"chunked" in data.lower() for data in requests)
        count = self._random.choice([0, 0, 1, 3]) if may_cut else 0
        cuts = [self._random.randrange(1, size) for _ in range(count)]
        one_by_one = not cuts and self._chance(0.5)
        half_close = self._chance(0.1)
        return Case(f"composed {number}", requests, tuple(cuts), one_by_one, half_close)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _request(self) -> bytes:
        pick = self._random.choice
        fields: list[str | bytes] = self._random.sample(pieces.FIELDS, pick([0, 1, 2, 5]))
        if self._chance(0.3):
            fields += self._random.sample(pieces.FORWARDED, pick([1, 2, 3]))
        if self._chance(0.25):
            fields.append(f"Connection: {pick(pieces.CONNECTIONS)}")
        if self._chance(0.2):
            fields.append(f"Expect: {pick(pieces.EXPECTS)}")
        if self._chance(0.1):
            fields += ["Connection: upgrade", f"Upgrade: {pick(['h2c', 'foo'])}"]
        if self._chance(0.3):
            fields.append(f"X-App: {pick(['early', 'pieces', 'close', '404', '204', 'exact'])}")
        method, target, version, host = (
            pick(pieces.METHODS),
            pick(pieces.TARGETS),
            pick(["HTTP/1.1"] * 4 + ["HTTP/1.0"]),
            pick(pieces.HOSTS),
        )
        body = b""
        odd = self._random.randrange(25)
        match odd:
            case 0:
                method = pick(pieces.ODD_METHODS)
            case 1:
                target = pick(pieces.ODD_TARGETS)
            case 2:
                version = pick(pieces.ODD_VERSIONS)
            case 3:
                host = pick(pieces.ODD_HOSTS)
            case 4:
                fields.append(pick(pieces.ODD_FIELDS))
            case 5:
                fields.append(f"Expect: {pick(pieces.ODD_EXPECTS)}")
        match self._random.randrange(4):
            case 0:
                body = bytes(self._random.randrange(1, 3000))
                fields.append(f"Content-Length: {len(body)}")
            case 1:
                body = pick(pieces.ODD_BODIES if odd == 6 else pieces.BODIES)
                fields.append(
                    f"Transfer-Encoding: {pick(pieces.ODD_CODINGS if odd == 7 else pieces.CODINGS)}"
                )
            case 2:
                value = pick(pieces.ODD_LENGTHS if odd == 8 else pieces.LENGTHS)
                body = b"hello"
                fields.append(f"Content-Length: {value}")
        self._random.shuffle(fields)
        lead = pick(pieces.LEADS) if self._chance(0.1) else b""
        return lead + request(
            *fields, method=method, target=target, version=version, host=host, body=body
        )


def composed() -> Iterator[Case]:
    composer = Composer(SEED)
    for number in range(COMPOSED):
        yield composer.case(number)


def all_cases() -> list[Case]:
    return [*single_pieces(), *structures(), *half_closes(), *answers(), *composed()]
