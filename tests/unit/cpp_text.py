"""C++ text as far as test_house.py needs it: its includes, and where functions begin and end."""

import re
from collections.abc import Iterator
from typing import NamedTuple

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")', re.MULTILINE)
# Comments and literals; what is left of them are their line breaks.
NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


class Function(NamedTuple):
    header: str
    first_line: int
    last_line: int


def includes(text: str) -> list[str]:
    """What the #include lines name, without quotes and brackets."""
    return [match[2] or match[3] for match in INCLUDE.finditer(text)]


def code_only(text: str) -> str:
    """The text without comments, literals and directives, each line in its place."""

    def line_breaks(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    return DIRECTIVE.sub(line_breaks, NO_CODE.sub(line_breaks, text))


def functions(text: str) -> Iterator[Function]:
    """Every function with a body, methods too; a lambda counts with the function it stands in."""
    yield from _functions_in(code_only(text), 0, first_line=1)


def _functions_in(code: str, begin: int, first_line: int) -> Iterator[Function]:
    """Walks the braces of one scope: enters namespaces and classes, reports other bodies."""
    head = begin  # where the declaration that owns the next brace starts
    position = begin
    while position < len(code):
        character = code[position]
        if character in ";}":
            head = position + 1
        elif character == "{":
            end = _closing_brace(code, position)
            header = code[head:position].strip()
            if _opens_scope(header):
                line = first_line + code.count("\n", begin, position)
                yield from _functions_in(code[position + 1 : end], 0, line)
            elif "(" in header and not _is_initializer(code, end):
                start = head + len(code[head:position]) - len(code[head:position].lstrip())
                first = first_line + code.count("\n", begin, start)
                last = first_line + code.count("\n", begin, end)
                yield Function(" ".join(header.split()), first, last)
            position = end
            if not _is_initializer(code, end):
                head = end + 1
        position += 1


def _opens_scope(header: str) -> bool:
    """`struct S {`, but not `struct S make() {` nor `template <class T> void f() {`."""
    header = re.sub(r"template\s*<[^{}]*?>(?=\s*[\w:\[])", "", header)
    return bool(SCOPE.search(header)) and "(" not in re.sub(r"alignas\([^)]*\)", "", header)


def _is_initializer(code: str, end: int) -> bool:
    """True for the braces of `: size_{size}, name_{name} {` before a constructor's body."""
    return code[end + 1 :].lstrip()[:1] in {",", "{"}


def _closing_brace(code: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code) - 1
