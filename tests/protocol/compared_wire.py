"""One case of the comparison, sent to a server: what its application saw and what came back."""

import ast
import contextlib
import copy
import itertools
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import wire
import wire_server

PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n"


@dataclass
class Case:
    """Requests of one connection, in the pieces in which they are sent."""

    name: str
    requests: list[bytes]
    cuts: tuple[int, ...] = ()  # where the bytes are divided
    one_by_one: bool = False  # each request waits for the answers before it
    half_close: bool = False  # the peer stops sending and still reads
    complete: bool = True  # so another request may follow, to see whether the connection goes on

    @property
    def pieces(self) -> list[bytes]:
        if self.one_by_one:
            return self.requests
        data = b"".join(self.requests)
        borders = [0, *sorted({cut for cut in self.cuts if 0 < cut < len(data)}), len(data)]
        return [data[begin:end] for begin, end in itertools.pairwise(borders)]


@dataclass
class Answer:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes | str = b""
    chunks: list[int] = field(default_factory=list)
    whole: bool = True


@dataclass
class Outcome:
    seen: list[dict[str, Any]]
    answers: list[Answer]
    rest: bytes  # behind the last answer that could be read
    end: str  # of the connection: "kept", "closed", or "stuck": open and no longer answering

    def copy(self) -> "Outcome":
        return copy.deepcopy(self)

    def joined(self) -> "Outcome":
        """The same with each body as one message: in what pieces it comes is a matter of time."""
        outcome = self.copy()
        for report in outcome.seen:
            report["events"] = list(join(report["events"]))
        return outcome


def join(events: list[list[Any]]) -> Iterator[list[Any]]:
    data, more = b"", False
    for kind, *rest in events:
        if kind == "request":
            data, more = data + ast.literal_eval(rest[0]), rest[1]
        if kind != "request" or not more:
            if data or kind == "request":
                yield ["request", repr(data), more]
            data = b""
        if kind != "request":
            yield [kind, *rest]


class Peer:
    """One connection that sends a case, and one that asks the server whether it has settled."""

    def __init__(self, server: wire_server.WireServer) -> None:
        self._control = wire.Wire(server.port)
        self._port = server.port

    def close(self) -> None:
        self._control.close()

    def ask(self, name: str) -> Any:
        self._control.send(wire.get(f"/{name}"))
        return self._control.read_response().json()

    def run(self, case: Case) -> Outcome:
        with socket.create_connection(("127.0.0.1", self._port), wire.DEADLINE) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data, open_ = b"", True
            for piece in case.pieces:
                send(peer, piece)
                got, open_ = self._read(peer)
                data += got
            if case.half_close and open_:
                peer.shutdown(socket.SHUT_WR)
                got, open_ = self._read(peer)
                data += got
            end = self._probe(peer) if case.complete and not case.half_close else "kept"
        reports = self.ask("--taken")
        answers, rest = parse(data, [report.get("method", "") for report in reports], not open_)
        reports = [report for report in reports if report.get("path") != "'/probe'"]
        shorten(answers, reports)
        return Outcome(reports, answers, rest, end if open_ else "closed")

    def _read(self, peer: socket.socket) -> tuple[bytes, bool]:
        """All that has come when the server has settled, and whether the connection is open."""
        self.ask("--settled")
        peer.setblocking(False)
        data = b""
        try:
            while got := peer.recv(1 << 20):
                data += got
        except BlockingIOError:
            return data, True
        except ConnectionResetError:
            pass
        finally:
            peer.settimeout(wire.DEADLINE)
        return data, False

    def _probe(self, peer: socket.socket) -> str:
        send(peer, PROBE)
        got, open_ = self._read(peer)
        if got.startswith(b"HTTP/1.1 200") and b"/probe" in got:
            return "kept"
        return "stuck" if open_ and not got else f"ended by {got[:30]!r}"


def send(peer: socket.socket, data: bytes) -> None:
    # When the server has closed, what it said before is still read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        peer.sendall(data)


def parse(data: bytes, methods: list[str], ended: bool) -> tuple[list[Answer], bytes]:
    """The answers in the bytes; methods are those of the requests that the application saw."""
    answers: list[Answer] = []
    final = 0
    while b"\r\n\r\n" in data and data.startswith(b"HTTP/1.1 "):
        head, _, data = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        _, status, reason = status_line.split(" ", 2)
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        answer = Answer(int(status), reason, fields)
        method = methods[final] if final < len(methods) else ""
        if answer.status >= 200 or answer.status == 101:
            final += 1
            bodiless = method == "'HEAD'" or answer.status in {204, 304}
            if not bodiless or (data and not data.startswith(b"HTTP/1.1 ")):
                data = read_body(answer, data, ended)
        answer.fields = [pair for pair in answer.fields if pair[0] != "date"]
        answers.append(answer)
    return answers, data


def read_body(answer: Answer, data: bytes, ended: bool) -> bytes:
    """Move the body of an answer out of the data, whose rest is returned."""
    values = dict(answer.fields)
    if values.get("transfer-encoding") == "chunked":
        return read_chunks(answer, data)
    if values.get("content-length", "").isdecimal():
        length = int(values["content-length"])
        answer.body, answer.whole = data[:length], len(data) >= length
        return data[length:]
    answer.body, answer.whole = data, ended
    return b""


def read_chunks(answer: Answer, data: bytes) -> bytes:
    body = b""
    while b"\r\n" in data:
        size, _, data = data.partition(b"\r\n")
        chunk, end, data = (
            data[: int(size, 16)],
            data[int(size, 16) :][:2],
            data[int(size, 16) + 2 :],
        )
        assert end == b"\r\n"
        if not chunk:
            answer.body = body
            return data
        body += chunk
        answer.chunks.append(len(chunk))
    answer.body, answer.whole = body, False
    return data


def shorten(answers: list[Answer], reports: list[dict[str, Any]]) -> None:
    """Mark answers that are the report of their request: what was seen is compared once."""
    final = [answer for answer in answers if answer.status >= 200]
    for answer, report in zip(final, reports, strict=False):
        # The report in the answer ends where the answer began.
        before = list(itertools.takewhile(lambda event: event[0] != "sent", report["events"]))
        said = json.dumps(report | {"events": before}).encode()
        if answer.body in {said, b""}:
            length = ("content-length", str(len(said)))
            answer.fields = [
                ("content-length", "the length") if pair == length else pair
                for pair in answer.fields
            ]
        if answer.body == said:
            answer.body, answer.chunks = "the report", [0] * len(answer.chunks)
