"""The bookshop's authors and books: validation, models, dependencies, both kinds of endpoint."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

Add = Callable[..., dict[str, Any]]


def test_an_author_can_be_added_read_and_removed(client: httpx2.Client, new_author: Add) -> None:
    author = new_author()
    shown = client.get(f"/authors/{author['id']}")
    assert (shown.status_code, shown.json()) == (200, author)
    removed = client.delete(f"/authors/{author['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert client.get(f"/authors/{author['id']}").status_code == 404


def test_a_book_can_be_added_read_changed_and_removed(client: httpx2.Client, new_book: Add) -> None:
    book = new_book(title="First Title")
    path = f"/books/{book['id']}"
    assert client.get(path).json() == book
    changed = client.patch(path, json={"title": "Second Title"})
    assert (changed.status_code, changed.json()) == (200, book | {"title": "Second Title"})
    assert client.get(path).json()["title"] == "Second Title"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_the_shop_is_seeded_at_start_up(client: httpx2.Client) -> None:
    found = client.get("/books", params={"title": "persuasion"}).json()
    assert [book["author"]["name"] for book in found["items"]] == ["Jane Austen"]


def test_query_parameters_narrow_and_page_a_search(client: httpx2.Client, new_book: Add) -> None:
    mark = f"Ünï Search {new_book()['isbn']} 100%"
    for price in (1, 2):
        new_book(title=f"{mark} {price}", price_cents=price)

    def search(**params: str | int) -> tuple[int, list[int]]:
        found = client.get("/books", params=params).raise_for_status().json()
        return found["total"], [book["price_cents"] for book in found["items"]]

    assert search(title=mark.replace("S", "s"), limit=1, offset=1) == (2, [2])
    assert search(title=mark, max_price_cents=1) == (1, [1])


def test_the_response_model_keeps_internal_fields_inside(
    client: httpx2.Client, new_author: Add, valid_book: Add
) -> None:
    reply = client.post("/books", json=valid_book(new_author()["id"], cost_cents=123))
    assert set(reply.json()) == {"id", "title", "isbn", "price_cents", "stock", "author"}
    assert "cost" not in client.get(f"/books/{reply.json()['id']}").text


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"isbn": "12"}, ["body", "isbn"]),
        ({"price_cents": -1}, ["body", "price_cents"]),
        ({"title": ""}, ["body", "title"]),
        ({"author_id": "nobody"}, ["body", "author_id"]),
        ({"colour": "red"}, ["body", "colour"]),
    ],
)
def test_a_wrong_field_is_a_422_that_names_it(
    client: httpx2.Client, valid_book: Add, wrong: dict[str, Any], place: list[str]
) -> None:
    reply = client.post("/books", json=valid_book(1, **wrong))
    assert reply.status_code == 422
    assert [error["loc"] for error in reply.json()["detail"]] == [place]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/books?limit=0", ["query", "limit"]),
        ("/books?limit=many", ["query", "limit"]),
        ("/books?max_price_cents=-5", ["query", "max_price_cents"]),
        ("/books/zero", ["path", "book_id"]),
        ("/books/0", ["path", "book_id"]),
        ("/orders/shipping", ["query", "grams"]),
    ],
)
def test_a_wrong_parameter_is_a_422_that_names_it(
    client: httpx2.Client, path: str, place: list[str]
) -> None:
    reply = client.get(path)
    assert reply.status_code == 422
    assert [error["loc"] for error in reply.json()["detail"]] == [place]


def test_a_body_that_is_not_json_is_a_422(client: httpx2.Client) -> None:
    headers = {"content-type": "application/json"}
    reply = client.post("/authors", content=b'{"name": ', headers=headers)
    assert (reply.status_code, reply.json()["detail"][0]["type"]) == (422, "json_invalid")


def test_a_domain_error_becomes_a_404_with_its_own_body(client: httpx2.Client) -> None:
    reply = client.get("/books/999999999")
    assert reply.status_code == 404
    assert reply.json() == {"error": "not_found", "detail": "no book has the id 999999999"}


def test_a_name_taken_twice_becomes_a_409(client: httpx2.Client, new_author: Add) -> None:
    name = new_author()["name"]
    reply = client.post("/authors", json={"name": name})
    assert (reply.status_code, reply.json()["error"]) == (409, "conflict")


def test_an_author_with_books_cannot_be_removed(client: httpx2.Client, new_book: Add) -> None:
    author = new_book()["author"]
    assert client.delete(f"/authors/{author['id']}").status_code == 409
    assert client.get(f"/authors/{author['id']}").json() == author


def test_a_book_that_was_ordered_cannot_be_removed(client: httpx2.Client, new_book: Add) -> None:
    book = new_book(title="Wanted")
    order = {"customer": "Reader", "lines": [{"book_id": book["id"], "quantity": 1}]}
    assert client.post("/orders", json=order).status_code == 201
    reply = client.delete(f"/books/{book['id']}")
    assert reply.status_code == 409
    assert reply.json() == {"error": "conflict", "detail": "Wanted is part of an order"}


def test_a_def_endpoint_answers_from_its_worker_thread(client: httpx2.Client) -> None:
    quotes = [client.get("/orders/shipping", params={"grams": grams}) for grams in (1, 1000, 1001)]
    assert [quote.json()["price_cents"] for quote in quotes] == [410, 410, 530]


def test_an_import_that_fails_half_way_is_rolled_back(
    client: httpx2.Client, new_author: Add, new_book: Add, valid_book: Add
) -> None:
    author = new_author()
    good = valid_book(author["id"], title=f"Imported {author['name']}")
    duplicate = valid_book(author["id"], isbn=new_book()["isbn"])
    assert client.post("/books/import", json=[good, duplicate]).status_code == 409
    assert client.get("/books", params={"title": good["title"]}).json()["total"] == 0
    assert client.post("/books/import", json=[good]).status_code == 201
    assert client.get("/books", params={"title": good["title"]}).json()["total"] == 1


def test_what_one_request_commits_the_next_one_reads(
    client: httpx2.Client, new_author: Add
) -> None:
    for _ in range(20):
        author = new_author()
        assert client.get(f"/authors/{author['id']}").json() == author
