"""Every case of tests/corpus/http against a running server."""

from collections.abc import Iterator
from typing import Any

import corpus
import pytest
import wire
import wire_server

CASES = corpus.read()


# As a guest, the parser is the same: there each case comes whole.
SERVED = [("auto", delivery) for delivery in wire.DELIVERIES]
SERVED += [(loop, "whole") for loop in wire_server.LOOPS if loop != "auto"]


@pytest.fixture(scope="module")
def corpus_server(request: pytest.FixtureRequest) -> Iterator[wire_server.WireServer]:
    loop = wire_server.loop_of(request)
    running = wire_server.WireServer(
        "corpus_app:app", "--lifespan", "off", "--no-proxy-headers", loop=loop
    )
    yield running
    log = running.stop()
    assert "Traceback" not in log
    assert "ERROR" not in log


def events_of(seen: dict[str, Any], expected: list[str]) -> list[str]:
    """What the application has seen, as the events that it can know of."""

    def text(value: str) -> str:
        return corpus.quoted(value.encode("latin-1"))

    # The application is not told the target itself.
    target = expected[0].split(" ", 2)[2].rpartition(" ")[0]
    lines = [f"head {seen['method']} {target} HTTP/{seen['http_version']}"]
    if (path := text(seen["raw_path"])) != target:
        lines.append(f"path {path}")
    if seen["query_string"]:
        lines.append(f"query {text(seen['query_string'])}")
    lines += [f"field {text(name)}: {text(value)}" for name, value in seen["headers"]]
    # Nor what the connection does with the fields.
    lines += [line for line in expected if line in {"expect 100-continue", "upgrade", "close"}]
    if seen["body"]:
        lines.append(f'body "{text(seen["body"])}"')
    return corpus.joined([*lines, "end"])


def expect_answers(client: wire.Wire, case: corpus.Case) -> None:
    for number, status in enumerate(case.statuses):
        request = case.requests[number] if number < len(case.requests) else None
        method = request[0].split(" ")[1] if request else "GET"
        response = client.read_response(method)
        assert response.status == status
        if request is None:
            assert response.closes
        elif method != "HEAD":
            assert events_of(response.json(), request) == request


def expect_open(client: wire.Wire) -> None:
    """The connection goes on with another request."""
    client.send(wire.TRAILING)
    assert client.read_response().json()["raw_path"] == "/trailing"


# The scope has pytest run all cases on one server, before it starts the next.
@pytest.mark.parametrize(
    ("corpus_server", "delivery"), SERVED, indirect=["corpus_server"], scope="module"
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(corpus_server: wire_server.WireServer, case: corpus.Case, delivery: str) -> None:
    if not case.complete:
        delivery = delivery.replace("with trailing bytes", "whole")
    with wire.Wire(corpus_server.port) as client:
        # Behind a request that closes some cases go on; a refusal is always there to be read.
        client.may_be_reset = not case.error
        client.deliver(case.data, delivery)
        if case.complete:
            expect_answers(client, case)
        else:
            client.half_close()
        if not case.complete or case.closes:
            rest = client.read_to_end()
            assert rest in ({b""} if case.complete else {b"", b"HTTP/1.1 100 Continue\r\n\r\n"})
        elif delivery == "with trailing bytes":
            assert client.read_response().json()["raw_path"] == "/trailing"
        else:
            expect_open(client)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 700
    assert len({case.name for case in CASES}) == len(CASES)
