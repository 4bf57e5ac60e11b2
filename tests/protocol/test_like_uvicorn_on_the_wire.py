"""The same bytes to uvicorn and to us: what the application sees and what comes back are equal.

Where they are not, a rule of compared_table.py says so, and names its row of
docs/reference/differences.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import compared_expected
import compared_requests
import compared_table
import pytest
import wire_server
from compared_wire import Case, Peer

CASES = compared_requests.all_cases()
# Our own loop has all cases; options that change the scope have those that show it, on other loops.
SET_UPS: dict[str, tuple[str, list[str], tuple[str, ...]]] = {
    "default": ("auto", [], ("",)),
    "root path": (
        "asyncio",
        ["--root-path", "/a%20b", "--no-proxy-headers"],
        ("target", "forwarded", "method", "composed 1"),
    ),
    "any proxy": (
        "uvloop",
        ["--forwarded-allow-ips", "*"],
        ("forwarded", "host", "composed 2"),
    ),
    "no proxy": ("auto", ["--forwarded-allow-ips", "10.0.0.1"], ("forwarded", "composed 3")),
}
CHOSEN = [
    (set_up, case)
    for set_up, (_, _, names) in SET_UPS.items()
    for case in CASES
    if case.name.startswith(names)
]


@dataclass
class Pair:
    ours: Peer
    theirs: Peer

    def compare(self, case: Case) -> set[str]:
        """Return the rows that say why the outcomes are not equal; fail if they do not say all."""
        ours = self.ours.run(case)
        if ours == self.theirs.run(case):
            return set()
        expected, rows = compared_expected.expected(self.theirs.run, case)
        assert ours.joined() == expected.joined()
        return rows


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    loop, options, _ = SET_UPS[request.param]
    if loop == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed: no wheel for this Python")
    ours = wire_server.WireServer("compared_app:app", "--loop", loop, *options)
    theirs = wire_server.WireServer("compared_app:app", *options, program="uvicorn")
    pair = Pair(Peer(ours), Peer(theirs))
    yield pair
    for peer, server in [(pair.ours, ours), (pair.theirs, theirs)]:
        peer.close()
        server.stop()


@pytest.mark.parametrize(
    ("pair", "case"),
    CHOSEN,
    indirect=["pair"],
    scope="module",  # or each case would have servers of its own
    ids=[f"{set_up}: {case.name}" for set_up, case in CHOSEN],
)
def test_case(pair: Pair, case: Case) -> None:
    pair.compare(case)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 1000
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("pair", ["default"], indirect=True)
def test_every_rule_is_needed_by_a_case(pair: Pair) -> None:
    used = set[str]().union(*(pair.compare(case) for case in CASES))
    rules = {rule.row for rule in compared_table.OF_A_REQUEST} | {*compared_table.OF_A_CASE}
    assert used == rules


def test_every_rule_has_its_row_and_every_row_its_rule() -> None:
    rules = {rule.row for rule in compared_table.OF_A_REQUEST} | {*compared_table.OF_A_CASE}
    not_compared = {*compared_table.NOT_COMPARED}
    assert not rules & not_compared
    assert rules | not_compared == {*compared_expected.rows()}
