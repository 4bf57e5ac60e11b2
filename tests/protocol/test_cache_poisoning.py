"""The cache's poisoning matrix: whatever one peer sends, another gets what its key alone makes.

Each row is a request of somebody's, and a plain request of somebody else's. The plain one must be
answered from the cache, by the bytes that it would have got if nobody else had ever asked.
"""

from collections.abc import Iterator
from itertools import count

import cache_app
import pytest
import wire_server
from asking import ask, live_objects
from cache_rows import EVIL, ROWS, UNTRUSTED, Row
from wire import DELIVERIES, Wire, get
from wire_server import WireServer

FIELDS_OF_THE_MOMENT = {"date", "age"}
names = (f"hold{number}" for number in count())


assert len(ROWS) == len({row.name for row in ROWS})
matrix = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


# --- the same on each loop


# One loop: what is stored, and for whom, is decided where none of them is known.
@pytest.fixture(scope="module", params=wire_server.LOOPS[:1])
def server(request: pytest.FixtureRequest) -> Iterator[WireServer]:
    loop = wire_server.loop_of(request)
    running = WireServer("cache_app:app", *cache_app.OPTIONS, loop=loop)
    ask(running, "/mirror")  # who is believed is known from the first request with such a field
    for source in (None, UNTRUSTED):
        with Wire(running.port, source=source) as client:
            client.send(get("/mirror", "X-Forwarded-Proto: http"))
            client.read_response()
    live, files = live_objects(running), running.open_files
    yield running
    for _ in range(1000):  # each a request: the server gets its turns
        if (live_objects(running), running.open_files) == (live, files):
            break
    assert (live_objects(running), running.open_files) == (live, files)
    assert "Traceback" not in running.stop()


@pytest.fixture(autouse=True)
def nothing_is_left(server: WireServer) -> None:
    """Nothing is stored when a row begins. What it may leave is seen once, behind all rows."""
    ask(server, "/control/invalidate")


def attack(server: WireServer, row: Row, delivery: str = "whole") -> None:
    """Send it, and take whatever comes."""
    with Wire(server.port, source=row.source) as attacker:
        attacker.may_be_reset = True
        attacker.deliver(row.attack, delivery)
        finish(attacker)


def finish(attacker: Wire) -> None:
    try:
        attacker.half_close()
    except OSError:  # the server was faster
        return
    attacker.read_to_end()


def ask_plainly(server: WireServer, row: Row, delivery: str = "whole") -> list[tuple[str, str]]:
    with Wire(server.port) as client:
        client.deliver(row.plain, delivery)
        return read_plain(client, row)


def read_plain(client: Wire, row: Row) -> list[tuple[str, str]]:
    """The response to the plain request, from the cache, with nothing of anybody else's."""
    response = client.read_response()
    assert response.status == 200
    assert response.json() == row.expected()
    assert response.values("age"), "it is not the cache that has answered"
    fields = [field for field in response.fields if field[0] not in FIELDS_OF_THE_MOMENT]
    text = repr(fields).encode() + response.body
    assert EVIL.encode() not in text and b"6.6.6.6" not in text
    return fields


@matrix
def test_an_attack_before_anything_is_stored_changes_nothing(server: WireServer, row: Row) -> None:
    untouched = ask_plainly(server, row)
    for delivery in DELIVERIES:
        ask(server, "/control/invalidate")
        attack(server, row, delivery)
        assert ask_plainly(server, row, delivery) == untouched
        assert ask_plainly(server, row) == untouched


@matrix
def test_an_attack_on_what_is_stored_changes_nothing(server: WireServer, row: Row) -> None:
    untouched = [ask_plainly(server, row) for _ in range(3)]  # and its head is known
    for delivery in DELIVERIES:
        attack(server, row, delivery)
        assert ask_plainly(server, row, delivery) == untouched[0] == untouched[-1]


@matrix
def test_an_attack_while_a_response_is_being_made_changes_nothing(
    server: WireServer, row: Row
) -> None:
    untouched = ask_plainly(server, row)
    ask(server, "/control/invalidate")
    name = next(names)
    ask(server, f"/control/hold/{name}")
    with Wire(server.port) as first, Wire(server.port) as last:
        with Wire(server.port, source=row.source) as attacker:
            attacker.may_be_reset = True
            first.send(row.plain)
            assert ask(server, f"/note/{name}").json() == "a"
            attacker.send(row.attack)
            ask(server, "/control/hold")  # by now the attack has been read
            last.send(row.plain)
            ask(server, f"/open/{name}")
            for client in (first, last):
                if row.spoils:
                    told = client.read_response().json()
                    assert told["client"][1] == client.address[1]
                    assert told["headers"] == row.expected()["headers"]
                else:
                    assert read_plain(client, row) == untouched
            finish(attacker)
    assert ask_plainly(server, row) == untouched


@matrix
def test_an_attack_in_front_on_the_same_connection_changes_nothing(
    server: WireServer, row: Row
) -> None:
    untouched = ask_plainly(server, row)
    for _ in range(2):
        with Wire(server.port, source=row.source) as client:
            client.may_be_reset = True
            client.send(row.attack + row.plain + row.plain)
            if client.read_response(row.method).closes:
                client.read_to_end()
            elif row.source is None or row.scheme == "http":
                assert read_plain(client, row) == read_plain(client, row) == untouched
        assert ask_plainly(server, row) == untouched
        ask(server, "/control/invalidate")
