"""The cases of tests/corpus/http; the format is described in tests/corpus/README.md."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ESCAPE = re.compile(r"\\(?:\n|repeat\{(\d+)\}\{(.*?)\}|x([0-9a-fA-F]{2})|([rnt\\\"]))", re.DOTALL)
LETTERS = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\", '"': '"'}
STATUS_HINTS = {
    name: int(status)
    for name, status in re.findall(
        r"X\((\w+), (\d{3}),", (ROOT / "csrc/http/error.hpp").read_text()
    )
}
LONGEST = 200  # of longer texts the events name only the length


def bytes_of_block(block: str) -> bytes:
    """What an http block stands for: CR LF for each line break, escapes replaced."""

    def replace(match: re.Match[str]) -> str:
        count, text, code, letter = match.groups()
        if count:
            return bytes_of_block(text).decode("latin-1") * int(count)
        if code:
            return chr(int(code, 16))
        return LETTERS[letter] if letter else ""

    # A line break that an escape stands for is no line break of the block.
    pieces, end = [], 0
    for match in ESCAPE.finditer(block):
        pieces += [block[end : match.start()].replace("\n", "\r\n"), replace(match)]
        end = match.end()
    return "".join([*pieces, block[end:].replace("\n", "\r\n")]).encode("latin-1")


def quoted(data: bytes) -> str:
    if len(data) > LONGEST:
        return f"({len(data)} bytes)"
    names = {ord(meaning): f"\\{letter}" for letter, meaning in LETTERS.items()}
    return "".join(
        names.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data
    )


def joined(lines: list[str]) -> list[str]:
    """Ten and more equal lines are one."""
    result, index = [], 0
    while index < len(lines):
        end = index
        while end < len(lines) and lines[end] == lines[index]:
            end += 1
        many = end - index >= 10
        result += [f"{lines[index]} ({end - index} times)"] if many else lines[index:end]
        index = end
    return result


@dataclass
class Case:
    name: str
    data: bytes
    events: list[str]
    answer: str | None

    @cached_property
    def requests(self) -> list[list[str]]:
        """The events of each request that is complete."""
        requests: list[list[str]] = []
        current: list[str] = []
        for line in self.events:
            current = [line] if line.startswith("head ") else [*current, line]
            if line == "end":
                requests.append(current)
        return requests

    @property
    def error(self) -> str | None:
        last = self.events[-1] if self.events else ""
        return last.removeprefix("error ") if last.startswith("error ") else None

    @property
    def complete(self) -> bool:
        return bool(self.error or (self.events and self.events[-1] == "end"))

    @property
    def statuses(self) -> list[int]:
        if self.answer is not None:
            return [int(word) for word in self.answer.split() if word.isdigit()]
        return [200] * len(self.requests) + ([STATUS_HINTS[self.error]] if self.error else [])

    @property
    def closes(self) -> bool:
        if self.answer is not None:
            return self.answer.split()[-1] == "close"
        return bool(self.error or "close" in self.requests[-1])


def read() -> list[Case]:
    cases = []
    for path in sorted((ROOT / "tests/corpus/http").glob("*.md")):
        for section in path.read_text().split("\n## ")[1:]:
            blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
            name = f"{path.stem}: {section.partition(chr(10))[0]}"
            events = blocks["events"].splitlines()
            cases.append(Case(name, bytes_of_block(blocks["http"]), events, blocks.get("answer")))
    return cases
