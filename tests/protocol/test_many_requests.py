"""Many requests at once, on many connections and on one."""

import wire
from asking import ask
from wire import get, post
from wire_server import WireServer


def test_three_hundred_requests_run_at_once(server: WireServer) -> None:
    clients = [wire.Wire(server.port) for _ in range(300)]
    for client in clients:
        client.send(get("/wait/together"))
    for _ in clients:
        assert ask(server, "/note/together").json() == "waiting"
    ask(server, "/open/together")
    for client in clients:
        assert client.read_response().body == b"together"
        client.close()


def test_many_connections_are_served_in_turns(server: WireServer) -> None:
    clients = [wire.Wire(server.port) for _ in range(100)]
    for number in range(10):
        for index, client in enumerate(clients):
            client.send(post("/echo", b"%d %d" % (number, index)))
        for index, client in enumerate(clients):
            assert client.read_response().body == b"%d %d" % (number, index)
    for client in clients:
        client.close()


def test_a_thousand_pipelined_requests_are_answered_in_order(client: wire.Wire) -> None:
    numbers = [b"%d" % number for number in range(1000)]
    client.send(b"".join(post("/echo", number) for number in numbers))
    assert [client.read_response().body for _ in numbers] == numbers


def test_other_peers_are_served_while_one_pipelines(server: WireServer, client: wire.Wire) -> None:
    client.send(get("/") * 10000)
    assert ask(server, "/echo").status == 200
    for _ in range(10000):
        assert client.read_response().body == b"root"


def test_connections_that_are_reset_leave_the_others_alone(server: WireServer) -> None:
    with wire.Wire(server.port) as survivor:
        survivor.send(get("/wait/survivor"))
        for number in range(100):
            client = wire.Wire(server.port)
            client.send([get("/chunks/100"), get("/")[:-2], post("/echo", b"x")[:-1]][number % 3])
            client.reset()
        ask(server, "/open/survivor")
        assert survivor.read_response().body == b"survivor"


def test_requests_on_one_connection_have_contexts_of_their_own(client: wire.Wire) -> None:
    client.send(get("/context/one") + get("/context/two") + get("/context/three"))
    assert [client.read_response().body for _ in range(3)] == [
        b"nobody one",
        b"nobody two",
        b"nobody three",
    ]
