"""Large bodies in both directions, compared by hash."""

import hashlib
import random
import socket
from collections.abc import Iterator

import httpx2
import pytest
from app_server import ServerProcess

MEGABYTE = 1_000_000
BLOCK_BYTES = 64 * 1024


def random_bytes(size: int) -> bytes:
    """Bytes that are the same in every run."""
    return random.Random(size).randbytes(size)


def sha256(content: bytes) -> str:
    """The checksum in the form the shop writes it."""
    return hashlib.sha256(content).hexdigest()


def sample_sha256(size: int) -> str:
    """The checksum of the shop's sample of this size, made here by its definition."""
    digest = hashlib.sha256()
    for number in range(-(-size // BLOCK_BYTES)):
        block = number.to_bytes(8, "big") * (BLOCK_BYTES // 8)
        digest.update(block[: size - number * BLOCK_BYTES])
    return digest.hexdigest()


def upload(client: httpx2.Client, content: bytes, name: str = "a.bin") -> dict[str, object]:
    """Uploads and returns what the shop says about the file."""
    reply = client.post("/files", files={"file": (name, content, "application/x-test")})
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_an_upload_of_twenty_megabytes_arrives_whole(client: httpx2.Client) -> None:
    content = random_bytes(20 * MEGABYTE)
    stored = upload(client, content)
    assert (stored["size_bytes"], stored["sha256"]) == (len(content), sha256(content))
    on_disk = client.get(f"/files/{stored['id']}/checksum").json()
    assert on_disk == {"sha256": sha256(content)}


def test_an_upload_without_a_declared_length_arrives_whole(client: httpx2.Client) -> None:
    content = random_bytes(3 * MEGABYTE)

    def chunks() -> Iterator[bytes]:
        yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="c.bin"\r\n\r\n'
        for begin in range(0, len(content), 50_000):
            yield content[begin : begin + 50_000]
        yield b"\r\n--edge--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=edge"}
    reply = client.post("/files", content=chunks(), headers=headers)
    assert reply.request.headers["transfer-encoding"] == "chunked"
    assert (reply.status_code, reply.json()["sha256"]) == (201, sha256(content))


def test_a_file_comes_back_as_it_was_uploaded(client: httpx2.Client) -> None:
    content = random_bytes(2 * MEGABYTE)
    stored = upload(client, content, name="naïve.bin")
    reply = client.get(f"/files/{stored['id']}", headers={"accept-encoding": "identity"})
    assert reply.content == content
    assert reply.headers["content-length"] == str(len(content))
    assert reply.headers["content-type"] == "application/x-test"
    assert "na%C3%AFve.bin" in reply.headers["content-disposition"]


def test_a_range_of_a_file_is_a_206(client: httpx2.Client) -> None:
    content = random_bytes(MEGABYTE)
    stored = upload(client, content)
    headers = {"range": "bytes=1000-1999", "accept-encoding": "identity"}
    reply = client.get(f"/files/{stored['id']}", headers=headers)
    assert (reply.status_code, reply.content) == (206, content[1000:2000])
    assert reply.headers["content-range"] == f"bytes 1000-1999/{len(content)}"


def test_an_upload_without_the_file_is_a_422(client: httpx2.Client) -> None:
    reply = client.post("/files", data={"other": "field"})
    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["body", "file"])


def test_a_body_declared_too_large_is_refused_before_it_is_sent(bookshop: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", bookshop.port), timeout=10) as connection:
        connection.sendall(
            b"POST /files HTTP/1.1\r\nHost: shop\r\nContent-Length: 70000000\r\n"
            b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n--edge"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 50 * MEGABYTE])
def test_a_streamed_download_arrives_whole(client: httpx2.Client, size: int) -> None:
    digest = hashlib.sha256()
    headers = {"accept-encoding": "identity"}
    with client.stream("GET", f"/files/sample?size_bytes={size}", headers=headers) as reply:
        assert reply.status_code == 200
        assert "content-length" not in reply.headers
        for chunk in reply.iter_bytes():
            digest.update(chunk)
    assert digest.hexdigest() == sample_sha256(size)


def test_a_streamed_download_can_be_compressed_on_the_way(client: httpx2.Client) -> None:
    size = 2 * MEGABYTE
    headers = {"accept-encoding": "gzip"}
    reply = client.get(f"/files/sample?size_bytes={size}", headers=headers)
    assert reply.headers["content-encoding"] == "gzip"
    assert sha256(reply.content) == sample_sha256(size)


def test_a_client_that_leaves_a_download_half_way_harms_nobody(
    bookshop: ServerProcess, client: httpx2.Client
) -> None:
    since = bookshop.stderr.position
    for _ in range(3):
        with client.stream("GET", f"/files/sample?size_bytes={50 * MEGABYTE}") as reply:
            assert next(reply.iter_raw())
    assert client.get("/heartbeat").json() == {"status": "alive"}
    assert bookshop.stderr.text(since) == ""
