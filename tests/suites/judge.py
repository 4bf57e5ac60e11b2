"""The same tests on our loop and on asyncio's: which of them differ."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from foreign import OURS, STOCK, Run, Suite

# A test that differs and may: its id, then the reason.
EXCEPTIONS: dict[str, str] = {}
REPEATS, AGREEING = 5, 3


@dataclass
class Judgement:
    """What the comparison of one file found.

    `different` says in words what is wrong, test by test. `unsteady` are the tests that differed
    once, and how, and then, repeated alone, mostly did as on asyncio's loop.
    """

    ours: Run
    control: Run
    different: list[str] = field(default_factory=list)
    unsteady: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Fail with everything that differs."""
        if self.different:
            pytest.fail(
                "\n".join([f"{len(self.different)} differ", *self.different]), pytrace=False
            )

    def counts(self) -> dict[str, Any]:
        """How many tests passed, did not, were skipped; in how many of them the loop was made."""
        total: Counter[str] = Counter(passed=0, skipped=0)
        total["not"] = 0
        for test in {*self.ours.collected, *self.ours.results} - {*self.unsteady}:
            total[self.ours.verdict(test)] += 1
        for test in self.unsteady:
            total[self.control.verdict(test)] += 1
        return dict(total) | {"looped": self.ours.looped(), "unsteady": self.unsteady}


def judge(suite: Suite, file: str, folder: Path) -> Judgement:
    """Run the file on our loop; repeat on asyncio's what did not pass, and compare.

    What passes on our loop needs no second run: asyncio's can do no better.
    """
    ours = suite.run(file, OURS, folder)
    found = Judgement(ours, suite.run(file, STOCK, folder, only=ours.doubtful()))
    if ours.collected != found.control.collected:
        found.different.append(f"{file}: not the same tests were found on both loops")
    suspects = [test for test in ours.doubtful() if differs(found, test)]
    repeated = [test for test in suspects if test in ours.collected]
    runs = [suite.run(file, OURS, folder, only=repeated) for _ in range(REPEATS if repeated else 0)]
    for test in suspects:
        expected = found.control.verdict(test)
        agreeing = sum(run.verdict(test) == expected for run in runs if test in repeated)
        if agreeing >= AGREEING:
            found.unsteady[test] = f"{ours.verdict(test)}\n{ours.detail(test)[-2000:]}"
        else:
            found.different.append(words(found, test))
    return found


def differs(found: Judgement, test: str) -> bool:
    if test in EXCEPTIONS:
        return False
    verdict = found.ours.verdict(test)
    if verdict == "missing" or (verdict == "not" and test not in found.ours.collected):
        return True  # the file itself, or the set-up of a class: then both loops say nothing
    return verdict != found.control.verdict(test)


def words(found: Judgement, test: str) -> str:
    ours, control = found.ours, found.control
    return (
        f"{test}: {ours.verdict(test)} on our loop, {control.verdict(test)} on asyncio's\n"
        f"--- our loop:\n{ours.detail(test)[-3000:]}\n"
        f"--- asyncio's:\n{control.detail(test)[-1000:]}"
    )
