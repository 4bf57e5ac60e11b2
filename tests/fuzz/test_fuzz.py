"""Every fuzz target for a short time: FASTERAPI_FUZZ_SECONDS, 1 by default, from the corpus on.

A longer run: `FASTERAPI_FUZZ_SECONDS=600 tox -e fuzz-smoke`. The input of a crash is kept in the
folder that the failure names.
"""

import os
import re
from pathlib import Path

import cpp_build
import pytest

SECONDS = os.environ.get("FASTERAPI_FUZZ_SECONDS", "1")
TARGETS = sorted({path.stem for path in Path(__file__).parent.glob("*.cpp")} - {"replay"})


def seeds() -> list[bytes]:
    """The requests of the corpus; of its notation only the line ends are translated."""
    texts = [path.read_text() for path in sorted(cpp_build.ROOT.glob("tests/corpus/**/*.md"))]
    blocks = re.findall(r"```http\n(.*?)```", "".join(texts), re.DOTALL)
    return [block.replace("\\\n", "").replace("\n", "\r\n").encode() for block in blocks]


@pytest.fixture(scope="module")
def programs() -> Path:
    return cpp_build.build("fuzz")


@pytest.mark.timeout(float(SECONDS) + 300)  # the first one builds all targets
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks(target: str, programs: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / f"{number:04}").write_bytes(seed)
    # Only on this signal does the target's main() keep the input.
    environ = os.environ | {"ASAN_OPTIONS": "abort_on_error=1"}
    command = (programs / target, f"-max_total_time={SECONDS}", corpus)
    ended = cpp_build.run(*command, cwd=tmp_path, env=environ)
    cpp_build.must_succeed(ended)
