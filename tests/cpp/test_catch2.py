"""Every Catch2 case as one pytest item; those of a file of the corpus together.

Builds the test program first. A crash and a sanitizer's report fail their case, SKIP skips it.
"""

import re

import cpp_build
import pytest

SPECIAL = str.maketrans({character: "\\" + character for character in '[]*,~"\\'})
PROGRAM = cpp_build.build("cpp_tests") / "cpp_tests"


CORPUS = re.compile(r"corpus: \w+: ")  # hundreds of short cases: a process for each takes minutes


def selections() -> list[str]:
    """What to ask the test program for: names, and patterns for the files of the corpus."""
    listed = cpp_build.run(PROGRAM, "--list-tests", "--verbosity", "quiet")
    found: dict[str, None] = {}
    for name in cpp_build.must_succeed(listed).splitlines():
        file = CORPUS.match(name)
        found[f"{file[0]}*" if file else name.translate(SPECIAL)] = None
    return [*found]


@pytest.mark.parametrize("selection", selections())
def test_cpp(selection: str) -> None:
    ended = cpp_build.run(PROGRAM, selection, timeout=60)
    # Not the exit status 4 alone: four failed assertions give it too.
    if ended.returncode == 4 and re.search(r"^test cases: 1 \| 1 skipped$", ended.stdout, re.M):
        reason = re.search(r"with message:\n\s*(.*)", ended.stdout)
        pytest.skip(reason[1] if reason else "SKIP")
    cpp_build.must_succeed(ended)
