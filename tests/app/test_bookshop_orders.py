"""Orders: transactions under load and what happens after the response."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
from app_server import ServerProcess, eventually

Add = Callable[..., dict[str, Any]]


def order_of(*lines: tuple[int, int]) -> dict[str, Any]:
    """The body of `POST /orders` for pairs of book id and quantity."""
    return {
        "customer": "Reader",
        "lines": [{"book_id": book_id, "quantity": quantity} for book_id, quantity in lines],
    }


def stock_of(client: httpx2.Client, book: dict[str, Any]) -> int:
    """How many copies the shop says are left."""
    return client.get(f"/books/{book['id']}").json()["stock"]


def test_an_order_takes_its_books_from_the_shelf(client: httpx2.Client, new_book: Add) -> None:
    book = new_book(stock=5, price_cents=700)
    reply = client.post("/orders", json=order_of((book["id"], 2)))
    assert (reply.status_code, reply.json()["status"]) == (201, "received")
    line = {"book_id": book["id"], "quantity": 2, "unit_price_cents": 700}
    assert reply.json()["lines"] == [line]
    assert stock_of(client, book) == 3


def test_the_background_task_confirms_the_order_after_the_response(
    client: httpx2.Client, new_book: Add
) -> None:
    order = client.post("/orders", json=order_of((new_book()["id"], 1))).json()
    assert order["status"] == "received"
    path = f"/orders/{order['id']}"
    confirmed = eventually(
        lambda: client.get(path).json(), lambda shown: shown["status"] == "confirmed"
    )
    assert confirmed == order | {"status": "confirmed"}


def test_an_order_that_fails_half_way_gives_the_books_back(
    client: httpx2.Client, new_book: Add
) -> None:
    first, second = new_book(stock=5), new_book(stock=1)
    reply = client.post("/orders", json=order_of((first["id"], 3), (second["id"], 2)))
    assert (reply.status_code, reply.json()["error"]) == (409, "out_of_stock")
    assert (stock_of(client, first), stock_of(client, second)) == (5, 1)


def test_fifty_customers_at_once_cannot_buy_more_than_there_is(
    bookshop: ServerProcess, client: httpx2.Client, new_book: Add
) -> None:
    book = new_book(stock=30)

    async def buy_all_at_once() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=bookshop.url, timeout=30) as customers:
            order = order_of((book["id"], 1))
            return await asyncio.gather(*(customers.post("/orders", json=order) for _ in range(50)))

    replies = asyncio.run(buy_all_at_once())
    assert Counter(reply.status_code for reply in replies) == {201: 30, 409: 20}
    assert stock_of(client, book) == 0
    assert len({reply.json()["id"] for reply in replies if reply.status_code == 201}) == 30
