"""What we answer to a case, made of what uvicorn answers."""

import re
from collections.abc import Callable
from pathlib import Path

import compared_table as table
from compared_rules import Exchange, Request, is_final, refusal
from compared_wire import Answer, Case, Outcome

DOCUMENT = Path(__file__).parents[2] / "docs/reference/differences.md"
SECTIONS = ("Requests", "Responses", "Connections")


def expected(run: Callable[[Case], Outcome], case: Case) -> tuple[Outcome, set[str]]:
    """What we answer, made of what uvicorn answers, and the rows that say so.

    Args:
        run: Sends a case to uvicorn.
    """
    used = set()
    requests = [Request(data) for data in case.requests]
    holding = [
        [rule for rule in table.OF_A_REQUEST if rule.applies(request)] for request in requests
    ]
    for number in range(len(requests)):
        if not comes_at_once(case, number):
            holding[number] = [
                rule for rule in holding[number] if rule.becomes is not table.not_started
            ]
    asked = [*case.requests]
    for number, rules in enumerate(holding):
        for rule in rules:
            asked[number] = rule.instead(asked[number])
    cuts = case.cuts if asked == case.requests else ()
    sent = Case(case.name, asked, cuts, case.one_by_one, case.half_close, case.complete)
    outcome = run(sent)
    if len(asked) > 1 and not case.one_by_one and refusal(400) in outcome.answers:
        outcome = run(Case(case.name, asked, (), True, case.half_close, case.complete))
        used.add(table.MALFORMED_BEHIND)
    for number, rules in enumerate(holding):
        for rule in rules:
            before = outcome.copy()
            rule.becomes(Exchange(outcome, number, requests[number]))
            if outcome != before or asked[number] != case.requests[number]:
                used.add(rule.row)
            if rule.refuses:
                return of_the_connection(case, outcome, used)
    return of_the_connection(case, outcome, used)


def comes_at_once(case: Case, number: int) -> bool:
    """Whether a request's body comes in the segment of its head."""
    end = sum(map(len, case.requests[: number + 1]))
    begin = end - len(Request(case.requests[number]).body)
    return case.one_by_one or not any(begin <= cut < end for cut in case.cuts)


def of_the_connection(case: Case, outcome: Outcome, used: set[str]) -> tuple[Outcome, set[str]]:
    for number, report in enumerate(outcome.seen):
        if report["context"] != "no one":
            report["context"] = "no one"
            used.add(table.CONTEXT)
        if case.half_close and number >= len([*filter(is_final, outcome.answers)]):
            outcome.answers.append(reported())
            used.add(table.HALF_CLOSED)
    return outcome, used


def rows() -> dict[str, str]:
    """The first cell of each row that the rules must know, and its section."""
    found = {}
    for section in DOCUMENT.read_text().split("\n## ")[1:]:
        name, _, text = section.partition("\n")
        if name in SECTIONS:
            for row in re.findall(r"^\| (.*?) \|", text, re.MULTILINE):
                found[row] = name
    return {row: name for row, name in found.items() if row not in {"what", "---"}}


def reported() -> Answer:
    """What the application says without being told how."""
    fields = [("server", "uvicorn"), ("content-length", "the length")]
    return Answer(200, "OK", fields, "the report")
