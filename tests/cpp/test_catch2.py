"""Every Catch2 case as one pytest item.

Builds the test program first. A crash and a sanitizer's report fail their case, SKIP skips it.
"""

import re

import cpp_build
import pytest

SPECIAL = str.maketrans({character: "\\" + character for character in '[]*,~"\\'})
PROGRAM = cpp_build.build("cpp_tests") / "cpp_tests"


def names() -> list[str]:
    listed = cpp_build.run(PROGRAM, "--list-tests", "--verbosity", "quiet")
    return cpp_build.must_succeed(listed).splitlines()


@pytest.mark.parametrize("name", names())
def test_cpp(name: str) -> None:
    ended = cpp_build.run(PROGRAM, name.translate(SPECIAL), timeout=60)
    # Not the exit status 4 alone: four failed assertions give it too.
    if ended.returncode == 4 and re.search(r"^test cases: 1 \| 1 skipped$", ended.stdout, re.M):
        reason = re.search(r"with message:\n\s*(.*)", ended.stdout)
        pytest.skip(reason[1] if reason else "SKIP")
    cpp_build.must_succeed(ended)
