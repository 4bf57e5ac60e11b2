"""Middleware, static files, errors and connections, as a client sees them."""

import asyncio
import gzip
import http.client
import re
import socket
from collections.abc import Callable
from datetime import datetime

import httpx2
import pytest
from app_server import ServerProcess

SHOP_ORIGIN = "https://shop.example"


def test_a_preflight_of_an_allowed_origin_is_granted(client: httpx2.Client) -> None:
    headers = {
        "origin": SHOP_ORIGIN,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "content-type",
    }
    reply = client.options("/books/1", headers=headers)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == SHOP_ORIGIN
    assert "PATCH" in reply.headers["access-control-allow-methods"]


def test_a_preflight_of_a_foreign_origin_is_refused(client: httpx2.Client) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    reply = client.options("/books", headers=headers)
    assert reply.status_code == 400
    assert "access-control-allow-origin" not in reply.headers


def test_a_request_of_an_allowed_origin_may_be_read_by_it(client: httpx2.Client) -> None:
    reply = client.get("/books", headers={"origin": SHOP_ORIGIN})
    assert reply.headers["access-control-allow-origin"] == SHOP_ORIGIN
    assert reply.headers["access-control-expose-headers"] == "X-Request-ID"


def test_a_large_response_is_compressed_for_those_who_accept_it(client: httpx2.Client) -> None:
    plain = client.get("/openapi.json", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", "/openapi.json", headers={"accept-encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        body = b"".join(packed.iter_raw())
    assert int(packed.headers["content-length"]) == len(body) < len(plain.content)
    assert gzip.decompress(body) == plain.content


def test_the_middleware_names_and_times_every_response(client: httpx2.Client) -> None:
    replies = [client.get(path) for path in ("/books", "/heartbeat", "/nowhere")]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3
    for reply in replies:
        assert re.fullmatch(r"app;dur=\d+\.\d", reply.headers["server-timing"])


def test_the_middleware_keeps_a_given_request_id_but_not_a_strange_one(
    client: httpx2.Client,
) -> None:
    kept = client.get("/heartbeat", headers={"x-request-id": "proxy-17"})
    assert kept.headers["x-request-id"] == "proxy-17"
    replaced = client.get("/heartbeat", headers={"x-request-id": "a b"})
    assert re.fullmatch(r"[0-9a-f]{32}", replaced.headers["x-request-id"])


def test_an_unexpected_error_is_a_500_and_one_traceback_and_the_server_goes_on(
    start_bookshop: Callable[..., ServerProcess],
) -> None:
    server = start_bookshop()  # of its own, to see the whole log
    reply = httpx2.get(f"{server.url}/debug/error")
    assert (reply.status_code, reply.text) == (500, "Internal Server Error")
    # On a new connection: a server may close the one on which an application failed.
    assert httpx2.get(f"{server.url}/books").status_code == 200
    server.stop()
    log = server.stderr.wait_for_end()
    assert log.count("ERROR:") == 1, log
    assert log.count("ERROR:    Exception in ASGI application\n") == 1, log
    assert log.count("Traceback (most recent call last)") == 1, log
    assert log.count("RuntimeError: the shelf fell over\n") == 1, log


def test_the_lifespan_state_is_shared_by_all_requests(client: httpx2.Client) -> None:
    first, second = client.get("/about").json(), client.get("/about").json()
    assert first["name"] == "Bookshop"
    assert first["started_at"] == second["started_at"]
    assert datetime.fromisoformat(first["started_at"]).tzinfo is not None
    assert second["requests"] > first["requests"] > 0


def test_the_front_door_leads_to_the_static_page(client: httpx2.Client) -> None:
    door = client.get("/")
    assert (door.status_code, door.headers["location"]) == (307, "/static/")
    page = client.get("/", follow_redirects=True)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>Bookshop</title>" in page.text


def test_an_unchanged_static_file_is_a_304_without_a_body(client: httpx2.Client) -> None:
    first = client.get("/static/style.css", headers={"accept-encoding": "identity"})
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    assert first.headers["content-length"] == str(len(first.content))
    etag = first.headers["etag"]
    again = client.get("/static/style.css", headers={"if-none-match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    since = {"if-modified-since": first.headers["last-modified"]}
    assert client.get("/static/style.css", headers=since).status_code == 304
    other = client.get("/static/style.css", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("path", ["/static/none.css", "/static/../app.py", "/static/%2e%2e/app.py"])
def test_a_static_path_that_leads_nowhere_or_outside_is_a_404(
    bookshop: ServerProcess, path: str
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", bookshop.port, timeout=10)
    connection.request("GET", path)  # http.client sends the path as it is
    reply = connection.getresponse()
    assert reply.status == 404
    assert b"create_app" not in reply.read()
    connection.close()


def test_the_documentation_is_served(client: httpx2.Client) -> None:
    assert "/openapi.json" in client.get("/docs").text
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/books/{book_id}", "/orders", "/files", "/events", "/heartbeat"} <= set(paths)


def test_a_head_request_has_the_head_of_a_get_and_no_body(bookshop: ServerProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", bookshop.port, timeout=10)
    for path in ("/heartbeat", "/static/style.css"):
        replies = {}
        for method in ("HEAD", "GET"):  # on one connection: a stray body would spoil the next
            connection.request(method, path)
            reply = connection.getresponse()
            replies[method] = (reply.status, reply.headers["content-length"], reply.read())
        assert replies["HEAD"][:2] == replies["GET"][:2] == (200, str(len(replies["GET"][2])))
        assert (replies["HEAD"][2], len(replies["GET"][2]) > 0) == (b"", True)
    connection.close()


def test_an_unknown_path_is_a_404_and_a_wrong_method_a_405(client: httpx2.Client) -> None:
    missing = client.get("/nowhere")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
    wrong = client.put("/books/1", json={})
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})
    assert "GET" in wrong.headers["allow"]


def test_one_connection_carries_many_requests(bookshop: ServerProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", bookshop.port, timeout=10)
    connection.connect()
    first_socket = connection.sock
    for path, status in [("/heartbeat", 200), ("/nowhere", 404), ("/books/x", 422)] * 10:
        connection.request("GET", path)
        reply = connection.getresponse()
        assert (reply.status, bool(reply.read())) == (status, True)
        assert connection.sock is first_socket
    connection.close()


def test_pipelined_requests_are_answered_in_their_order(bookshop: ServerProcess) -> None:
    paths = ["/orders/shipping?grams=1", "/heartbeat", "/orders/shipping?grams=1001"]
    requests = [f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n" for path in paths]
    requests[-1] = requests[-1].replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    with socket.create_connection(("127.0.0.1", bookshop.port), timeout=10) as connection:
        connection.sendall("".join(requests).encode())
        received = b""
        while part := connection.recv(65536):
            received += part
    bodies = re.findall(rb"\{.*?\}", received)
    assert bodies == [b'{"price_cents":410}', b'{"status":"alive"}', b'{"price_cents":530}']


def test_fifty_requests_at_once_are_all_answered(bookshop: ServerProcess) -> None:
    paths = ["/heartbeat", "/orders/shipping?grams=10", "/books", "/static/style.css", "/nowhere"]

    async def ask_all_at_once() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=50)
        async with httpx2.AsyncClient(base_url=bookshop.url, timeout=30, limits=limits) as client:
            return await asyncio.gather(*(client.get(path) for path in paths * 10))

    statuses = [reply.status_code for reply in asyncio.run(ask_all_at_once())]
    assert statuses == [200, 200, 200, 200, 404] * 10


def test_each_request_leaves_one_line_in_the_access_log(
    bookshop: ServerProcess, client: httpx2.Client
) -> None:
    since = bookshop.stdout.position
    client.get("/books", params={"title": "é /?"})
    bookshop.stdout.wait_for(
        r'^INFO:     127\.0\.0\.1:\d+ - "GET /books\?title=%C3%A9\S+ HTTP/1\.1" 200 OK$', since
    )
    assert bookshop.stdout.text(since).count("\n") == 1
