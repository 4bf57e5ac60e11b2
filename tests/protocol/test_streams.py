"""Bodies larger than memory should be, and peers that do not read."""

import threading

import pytest
import wire
from asking import ask
from wire import get
from wire_server import WireServer

MEBI = 1 << 20
GIBI = 1 << 30


def test_a_gibibyte_is_uploaded_within_little_memory(server: WireServer, client: wire.Wire) -> None:
    before = server.resident_bytes
    server.forget_peak()
    client.send(get("/upload", f"Content-Length: {GIBI}", method="POST"))
    block = bytes(MEBI)
    for _ in range(GIBI // MEBI):
        client.send(block)
    assert client.read_response().json()["size"] == GIBI
    assert server.peak_resident_bytes - before < 32 * MEBI


def test_chunks_without_end_are_uploaded_within_little_memory(
    server: WireServer, client: wire.Wire
) -> None:
    before = server.resident_bytes
    server.forget_peak()
    client.send(get("/upload", "Transfer-Encoding: chunked", method="POST"))
    chunks = b"10000\r\n" + bytes(65536) + b"\r\n" + b"1\r\nx\r\n" * 1000
    for _ in range(1000):
        client.send(chunks)
    client.send(b"0\r\n\r\n")
    assert client.read_response().json()["size"] == 1000 * (65536 + 1000)
    assert server.peak_resident_bytes - before < 32 * MEBI


@pytest.mark.parametrize("piece", [4096, MEBI])
def test_a_gibibyte_is_downloaded_within_little_memory(
    server: WireServer, client: wire.Wire, piece: int
) -> None:
    size = GIBI if piece == MEBI else GIBI // 8
    before = server.resident_bytes
    server.forget_peak()
    client.send(get(f"/download/{size}/{piece}"))
    assert client.read_head().values("content-length") == [str(size)]
    client.discard(size)
    client.send(wire.TRAILING)
    assert client.read_response().body == b"trailing"
    assert server.peak_resident_bytes - before < 32 * MEBI


def test_a_reader_that_stalls_suspends_send_and_memory_stays_flat(server: WireServer) -> None:
    before = server.resident_bytes
    server.forget_peak()
    with wire.Wire(server.port, receive_buffer=65536) as client:
        client.send(get(f"/stalled/flat/{256 * MEBI}"))
        assert ask(server, "/note/flat").json() < 32 * MEBI  # what the kernel takes
        assert server.peak_resident_bytes - before < 16 * MEBI
        # It goes on as soon as the client reads.
        response = client.read_head()
        assert response.values("transfer-encoding") == ["chunked"]
        client.discard(128 * MEBI)


def test_an_application_that_does_not_read_stops_its_peer(
    server: WireServer, client: wire.Wire
) -> None:
    size = 64 * MEBI
    before = server.resident_bytes
    server.forget_peak()
    client.send(get("/read_later/later", f"Content-Length: {size}", method="POST"))
    assert ask(server, "/note/later").json() == "waiting"
    sender = threading.Thread(target=client.send, args=(bytes(size),))
    sender.start()
    for _ in range(100):
        ask(server, "/")
    assert sender.is_alive()
    assert server.peak_resident_bytes - before < 16 * MEBI
    ask(server, "/open/later")
    client.discard(size)
    sender.join(wire.DEADLINE)
    assert not sender.is_alive()


def test_a_body_arrives_in_pieces_that_fit_the_limit(client: wire.Wire) -> None:
    client.send(get("/upload", "Content-Length: 8388608", method="POST") + bytes(8 * MEBI))
    assert client.read_response().json()["largest"] <= 128 * 1024
