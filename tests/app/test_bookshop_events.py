"""Server-sent events: delivered at once, and given up when the client leaves."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import httpx2
from app_server import ServerProcess, event_names, eventually, open_streams

Add = Callable[..., dict[str, Any]]


def place_order(client: httpx2.Client, book: dict[str, Any]) -> int:
    """Orders one copy; the shop publishes `order.confirmed` for it."""
    order = {"customer": "Reader", "lines": [{"book_id": book["id"], "quantity": 1}]}
    return client.post("/orders", json=order).raise_for_status().json()["id"]


def test_events_arrive_while_the_stream_is_open(client: httpx2.Client, new_book: Add) -> None:
    book = new_book()
    with client.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert event_names(lines, 1) == ["welcome"]
        for _ in range(3):
            order_id = place_order(client, book)
            assert event_names(lines, 1) == ["order.confirmed"]
            assert next(lines) == f'data: {{"order_id": {order_id}}}'


def test_an_event_stream_is_not_compressed(client: httpx2.Client) -> None:
    headers = {"accept-encoding": "gzip"}
    reply = client.get("/events", params={"limit": 1}, headers=headers)
    assert "content-encoding" not in reply.headers
    assert reply.text.startswith("event: welcome\ndata: ")


def test_a_stream_that_the_server_ends_leaves_the_connection_usable(
    client: httpx2.Client,
) -> None:
    ports = set()
    for path in ("/events?limit=1", "/heartbeat", "/events?limit=1"):
        with client.stream("GET", path) as reply:
            reply.read()
            stream = reply.extensions["network_stream"]
            ports.add(stream.get_extra_info("socket").getsockname())
    assert len(ports) == 1


def test_the_server_notices_a_client_that_closes_its_stream(client: httpx2.Client) -> None:
    eventually(lambda: open_streams(client), lambda count: count == 0)
    with client.stream("GET", "/events") as first, client.stream("GET", "/events") as second:
        lines = [first.iter_lines(), second.iter_lines()]
        assert [event_names(each, 1) for each in lines] == [["welcome"], ["welcome"]]
        assert open_streams(client) == 2
    eventually(lambda: open_streams(client), lambda count: count == 0)


def test_the_server_notices_a_client_that_resets_its_connection(
    bookshop: ServerProcess, client: httpx2.Client
) -> None:
    eventually(lambda: open_streams(client), lambda count: count == 0)
    connection = socket.create_connection(("127.0.0.1", bookshop.port), timeout=10)
    connection.sendall(b"GET /events HTTP/1.1\r\nHost: shop\r\n\r\n")
    received = b""
    while b"event: welcome" not in received:
        received += (part := connection.recv(65536))
        assert part, received
    assert open_streams(client) == 1
    at_once = struct.pack("ii", 1, 0)  # lingering for 0 s: close() sends a reset
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    connection.close()
    eventually(lambda: open_streams(client), lambda count: count == 0)


def test_every_open_stream_gets_every_event(
    bookshop: ServerProcess, client: httpx2.Client, new_book: Add
) -> None:
    eventually(lambda: open_streams(client), lambda count: count == 0)
    book = new_book()

    async def listen_and_order() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=bookshop.url, timeout=10) as listeners:
            streams = [
                asyncio.create_task(listeners.get("/events", params={"limit": 2}))
                for _ in range(20)
            ]
            await asyncio.to_thread(
                eventually, lambda: open_streams(client), lambda count: count == 20
            )
            await asyncio.to_thread(place_order, client, book)
            return await asyncio.gather(*streams)

    for reply in asyncio.run(listen_and_order()):
        assert event_names(iter(reply.text.splitlines()), 2) == ["welcome", "order.confirmed"]
