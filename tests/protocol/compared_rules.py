"""Rules of where uvicorn and we differ: what they ask of a request, and what they change.

A rule says for which requests it holds, and either what of uvicorn's outcome is different here, or
which request uvicorn answers as we answer the one that was sent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from compared_wire import Answer, Outcome

# Empty lines before a request, and its head. There is always a match.
HEAD = re.compile(rb"((?:\r\n)*)((?:(?!\r\n\r\n).)*)", re.DOTALL)


@dataclass
class Request:
    """What a rule asks of a request: its parts as they stand in the bytes."""

    data: bytes

    @cached_property
    def _match(self) -> re.Match[bytes]:
        match = HEAD.match(self.data)
        assert match
        return match

    @cached_property
    def head(self) -> bytes:
        return self._match[2]

    @cached_property
    def body(self) -> bytes:
        return self.data[self._match.end() :].removeprefix(b"\r\n\r\n")

    @cached_property
    def line(self) -> list[bytes]:
        return self.head.split(b"\r\n")[0].split(b" ")

    @cached_property
    def method(self) -> bytes:
        return self.line[0]

    @cached_property
    def target(self) -> bytes:
        return self.line[1] if len(self.line) > 1 else b""

    @cached_property
    def version(self) -> bytes:
        return self.line[-1]

    @cached_property
    def fields(self) -> list[tuple[bytes, bytes]]:
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [(name.lower(), value) for name, _, value in lines]

    def values(self, name: bytes) -> list[bytes]:
        return [value.strip(b" \t") for key, value in self.fields if key == name]

    def says(self, name: bytes, value: bytes) -> bool:
        return any(value in each.lower() for each in self.values(name))

    @cached_property
    def ways(self) -> list[str]:
        return b" ".join(self.values(b"x-app")).decode().split()

    def has_way(self, *names: str) -> bool:
        return bool({*names} & {*self.ways})

    @cached_property
    def trailer(self) -> bytes:
        """The trailer section of a chunked body, if all its lines are fields."""
        if b"chunked" not in b"".join(self.values(b"transfer-encoding")).lower():
            return b""
        trailer = re.split(rb"(?:^|\r\n)0+(?:;[^\r\n]*)?\r\n", self.body, maxsplit=1)[-1][:-2]
        return trailer if re.fullmatch(rb"(?:[\w-]+:[\x20-\x7e]*\r\n)*", trailer) else b""


@dataclass
class Exchange:
    """One request of a case, and its part of an outcome."""

    outcome: Outcome
    number: int
    request: Request

    @property
    def begin(self) -> int:
        """The place of its first answer in the answers."""
        return self._behind(self.number - 1) if self.number else 0

    @property
    def end(self) -> int:
        """The place behind its final answer."""
        return self._behind(self.number)

    @property
    def answer(self) -> Answer:
        return self.outcome.answers[self.end - 1]

    @property
    def report(self) -> dict[str, Any]:
        """What the application saw of it; empty if it saw nothing."""
        seen = self.outcome.seen
        return seen[self.number] if self.number < len(seen) else {"headers": [], "events": []}

    @property
    def is_reached(self) -> bool:
        """Whether the connection is open behind the answers before it."""
        before = [*filter(is_final, self.outcome.answers)][: self.number]
        return len(before) == self.number and not any(closes(answer) for answer in before)

    def _behind(self, number: int) -> int:
        final = [place for place, each in enumerate(self.outcome.answers) if is_final(each)]
        return final[number] + 1 if number < len(final) else len(self.outcome.answers)


def closes(answer: Answer) -> bool:
    return any(name == "connection" and "close" in value.lower() for name, value in answer.fields)


def is_final(answer: Answer) -> bool:
    return answer.status >= 200 or answer.status == 101


Becomes = Callable[[Exchange], None]


@dataclass(frozen=True)
class Rule:
    row: str  # its first cell in the document
    applies: Callable[[Request], bool]
    becomes: Becomes = lambda _: None
    instead: Callable[[bytes], bytes] = lambda data: data
    refuses: bool = False


def cut_behind(at: Exchange) -> None:
    """The connection ends behind the answer."""
    del at.outcome.seen[at.number + 1 :]
    del at.outcome.answers[at.end :]
    at.outcome.end, at.outcome.rest = "closed", b""


def refusal(status: int) -> Answer:
    phrase = HTTPStatus(status).phrase  # not the same in every version of Python
    text = "Invalid HTTP request received." if status == 400 else phrase
    allow = [("allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")] if status == 405 else []
    fields = [
        ("server", "uvicorn"),
        *allow,
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(text))),
        ("connection", "close"),
    ]
    return Answer(status, phrase, fields, text.encode())


def refused(
    row: str, status: int, applies: Callable[[Request], bool], *, in_body: bool = False
) -> Rule:
    """The request is answered with the status, and the connection ends.

    Args:
        in_body: The mistake is behind the head, which may have told that the method is HEAD.
    """

    def becomes(at: Exchange) -> None:
        if at.is_reached:
            answer = refusal(status)
            if in_body and at.request.method == b"HEAD":
                answer.body, answer.whole = b"", False
            at.outcome.answers[at.begin :] = [answer]
            del at.outcome.seen[at.number :]
            at.outcome.end, at.outcome.rest = "closed", b""

    return Rule(row, applies, becomes, refuses=True)


def failed(row: str, *names: str, error: tuple[str, str] | None = None) -> Rule:
    """The application's answer of one of these names raises in it, and the peer gets a 500."""

    def becomes(at: Exchange) -> None:
        cut_behind(at)
        answer = refusal(500)
        if at.request.method == b"HEAD":
            answer.body = b""
        at.outcome.answers[at.begin :] = [answer]
        if error:
            events = at.report["events"]
            events[:] = [event for event in events if event[0] == "request"]
            events.append(["raised", *error])

    return Rule(row, lambda request: request.has_way(*names), becomes)
