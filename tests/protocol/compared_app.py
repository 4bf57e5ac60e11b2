"""The application behind the comparison with uvicorn: it answers with everything that it has seen.

A request chooses what happens by its field `x-app`, words separated by blanks: names of WAYS, or
one name of ANSWERS. What comes behind the answer is kept, too, and asked for by /--taken.
"""

import asyncio
import contextvars
import json
from typing import Any

Scope = dict[str, Any]

WAYS = {
    "early": "answers before it receives anything",
    "late": "answers when it has heard of the peer's end",
    "pieces": "answers in pieces of unknown length",
    "silent": "returns without an answer",
    "value": "returns a value behind the answer",
    "again": "sends once more behind the answer",
    "raise": "raises in place of the answer",
    "cut": "raises within the answer",
    "close": "ends the connection by a field of the answer",
}
FIRST_EPHEMERAL_PORT = 10000  # a peer's own port; those in X-Forwarded-For are smaller
TURNS = 8  # of the loop without anything happening: then nothing is under way

who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="no one")


def start(status: Any, *headers: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [*headers]}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


LENGTH_4 = (b"content-length", b"4")
ANSWERS = {
    "304-length": [start(304, (b"content-length", b"10")), body()],
    "304": [start(304, (b"etag", b'"x"')), body()],
    "204": [start(204), body()],
    "204-body": [start(204), body(b"no body may be here")],
    "204-length": [start(204, LENGTH_4), body()],
    "chunked": [start(200, (b"transfer-encoding", b"chunked")), body(b"four")],
    "chunked-length": [start(200, LENGTH_4, (b"transfer-encoding", b"chunked")), body(b"four")],
    "coding": [start(200, (b"transfer-encoding", b"gzip")), body(b"four")],
    "101": [start(101), body()],
    "102": [start(102, (b"link", b"</x>")), start(200, LENGTH_4), body(b"four")],
    "103": [start(103, (b"link", b"</x>")), start(200, LENGTH_4), body(b"four")],
    "199": [start(199), body(b"four")],
    "299": [start(299, LENGTH_4), body(b"four")],
    "404": [start(404, LENGTH_4), body(b"four")],
    "418": [start(418, LENGTH_4), body(b"four")],
    "500": [start(500, LENGTH_4), body(b"four")],
    "599": [start(599, LENGTH_4), body(b"four")],
    "600": [start(600), body(b"four")],
    "99": [start(99), body(b"four")],
    "status-text": [start("200"), body(b"four")],
    "status-float": [start(200.0, LENGTH_4), body(b"four")],
    "status-bool": [start(True, LENGTH_4), body(b"four")],
    "headers-of-text": [start(200, ("x", "y")), body(b"four")],
    "headers-of-three": [start(200, (b"x", b"y", b"z")), body(b"four")],
    "body-none": [start(200), {"type": "http.response.body", "body": None}],
    "break-in-value": [start(200, (b"x", b"a\r\nset-cookie: b")), body(b"four")],
    "nul-in-value": [start(200, (b"x", b"a\0b")), body(b"four")],
    "break-in-name": [start(200, (b"x\r\ny", b"a")), body(b"four")],
    "blank-in-name": [start(200, (b"x y", b"a")), body(b"four")],
    "odd-bytes": [start(200, LENGTH_4, (b"X-Odd", b"\t\xff\x80 a")), body(b"four")],
    "upper-case": [start(200, (b"Content-Length", b"4"), (b"X-Up", b"Per")), body(b"four")],
    "repeated": [
        start(200, LENGTH_4, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")),
        body(b"four"),
    ],
    "own-date": [
        start(200, LENGTH_4, (b"date", b"yesterday"), (b"server", b"mine")),
        body(b"four"),
    ],
    "length-twice": [start(200, LENGTH_4, LENGTH_4), body(b"four")],
    "length-word": [start(200, (b"content-length", b"four")), body(b"four")],
    "length-signed": [start(200, (b"content-length", b"+4")), body(b"four")],
    "length-blank": [start(200, (b"content-length", b" 4")), body(b"four")],
    "longer": [start(200, LENGTH_4), body(b"longer than four")],
    "longer-later": [start(200, LENGTH_4), body(b"fo", True), body(b"ur and more")],
    "shorter": [start(200, LENGTH_4), body(b"fou")],
    "exact": [start(200, LENGTH_4), body(b"fo", True), body(b"", True), body(b"ur")],
    "pieces-of-nothing": [start(200), body(b"", True), body(b"", True), body()],
    "close-upper": [start(200, LENGTH_4, (b"Connection", b"CLOSE")), body(b"four")],
    "close-list": [start(200, LENGTH_4, (b"connection", b"x, close")), body(b"four")],
    "keep-alive": [start(200, LENGTH_4, (b"connection", b"keep-alive")), body(b"four")],
    "body-first": [body(b"four")],
    "start-twice": [start(200, LENGTH_4), start(200, LENGTH_4)],
    "unknown": [{"type": "http.response.unknown"}],
    "no-headers": [{"type": "http.response.start", "status": 200}, body(b"four")],
    "no-body": [start(200, (b"content-length", b"0")), {"type": "http.response.body"}],
    "early-hint": [{"type": "http.response.early_hint", "links": [b"</x>; rel=preload"]}],
    "hint-behind-start": [start(200), {"type": "http.response.early_hint", "links": []}],
    "trailers": [{**start(200), "trailers": True}, body(b"four")],
    "pathsend": [start(200), {"type": "http.response.pathsend", "path": "/dev/null"}],
}


class Witness:
    """What all requests have seen so far."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.changes = 0

    def note(self, report: dict[str, Any], *event: Any) -> None:
        report["events"].append(list(event))
        self.changes += 1

    async def settled(self) -> None:
        """Return when nothing has happened for some turns of the loop."""
        quiet, seen = 0, self.changes
        while quiet < TURNS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if self.changes == seen else 0
            seen = self.changes


witness = Witness()


def shown(value: Any) -> str:
    """A value of the scope with its types, without the ports that differ from run to run."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return repr((value[0], "ephemeral" if value[1] >= FIRST_EPHEMERAL_PORT else value[1]))
    return repr(value)


def report_of(scope: Scope) -> dict[str, Any]:
    seen = {key: shown(value) for key, value in scope.items() if key != "headers"}
    return {
        **seen,
        "keys": sorted(scope),
        "headers": [shown(pair) for pair in scope["headers"]],
        "context": who.get(),
        "events": [],
    }


async def app(scope: Scope, receive: Any, send: Any) -> Any:
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return None
    name = scope["path"].rpartition("/")[2]
    if name in {"--settled", "--taken"}:
        return await serve_the_comparison(name, send)
    return await serve(scope, receive, send)


async def serve_the_comparison(name: str, send: Any) -> None:
    await witness.settled()
    reports = json.dumps(witness.reports if name == "--taken" else []).encode()
    if name == "--taken":
        witness.reports.clear()
    await send(start(200, (b"content-length", b"%d" % len(reports))))
    await send(body(reports))


async def serve(scope: Scope, receive: Any, send: Any) -> Any:
    report = report_of(scope)
    witness.reports.append(report)
    witness.changes += 1
    who.set("others")
    for place in (scope, scope["asgi"], scope["state"]):
        place["changed"] = "by an earlier request"
    if scope["type"] != "http":
        return None  # a handshake that nobody answers
    ways = b" ".join(value for name, value in scope["headers"] if name == b"x-app").decode().split()
    scope["headers"].append((b"changed", b"by an earlier request"))
    try:
        return await answer(report, ways, receive, send)
    except Exception as error:
        witness.note(report, "raised", type(error).__name__, str(error))
        raise


async def answer(report: dict[str, Any], ways: list[str], receive: Any, send: Any) -> Any:
    more = "early" not in ways
    while more:
        more = await received(report, receive)
    if "late" in ways:
        while not disconnected(report):
            await received(report, receive)
    if "silent" in ways:
        return None
    if "raise" in ways:
        raise LookupError("raised on purpose")
    for message in messages(report, ways):
        await send(message)
        witness.note(report, "sent")
        if "cut" in ways:
            raise LookupError("raised on purpose")
    if "again" in ways:
        await send(body(b"once more"))
    while not disconnected(report):
        await received(report, receive)
    return "a value" if "value" in ways else None


async def received(report: dict[str, Any], receive: Any) -> bool:
    """Note the next message; return whether more of the request is to come."""
    message = await receive()
    if message["type"] == "http.request":
        witness.note(report, "request", repr(message["body"]), message["more_body"])
        return bool(message["more_body"])
    witness.note(report, message["type"], sorted(message))
    return False


def disconnected(report: dict[str, Any]) -> bool:
    return bool(report["events"]) and report["events"][-1][0] == "http.disconnect"


def messages(report: dict[str, Any], ways: list[str]) -> list[dict[str, Any]]:
    for name in ways:
        if name in ANSWERS:
            return ANSWERS[name]
    seen = json.dumps(report).encode()
    closing = [(b"connection", b"close")] if "close" in ways else []
    if "pieces" in ways:
        return [start(200, *closing), body(seen[:20], True), body(seen[20:])]
    return [start(200, (b"content-length", b"%d" % len(seen)), *closing), body(seen)]
