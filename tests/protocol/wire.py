"""A client that sends raw bytes and reads responses: nothing is added, nothing is forgiven."""

import contextlib
import json
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Self

DEADLINE = 20.0  # seconds, for every read and write
TRAILING = b"GET /trailing HTTP/1.1\r\nHost: t\r\n\r\n"
DELIVERIES = ["whole", "byte by byte", "with trailing bytes"]


def get(target: str, *fields: str, method: str = "GET") -> bytes:
    """A request without a body."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


def post(target: str, body: bytes, *fields: str) -> bytes:
    """A request with a body of declared length."""
    return get(target, f"Content-Length: {len(body)}", *fields, method="POST") + body


@dataclass
class Response:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    complete: bool = True  # its framing came to its end
    chunks: list[bytes] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def closes(self) -> bool:
        return "close" in self.values("connection")

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    def __init__(
        self, port: int, *, receive_buffer: int | None = None, source: str | None = None
    ) -> None:
        self._socket = socket.socket()
        if source:
            self._socket.bind((source, 0))
        self._socket.settimeout(DEADLINE)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.may_be_reset = False  # it sends more than the server wants to read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Close so that the server gets a reset in place of an end."""
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._socket.getsockname()
        return host, port

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def deliver(self, data: bytes, delivery: str) -> None:
        """Send in one of DELIVERIES. A server that closes meanwhile is no mistake of the client."""
        try:
            if delivery == "byte by byte":
                for index in range(len(data)):
                    self._socket.sendall(data[index : index + 1])
            else:
                self._socket.sendall(
                    data + (TRAILING if delivery == "with trailing bytes" else b"")
                )
        except (BrokenPipeError, ConnectionResetError):
            self.may_be_reset = True

    def read_response(self, method: str = "GET") -> Response:
        """Read one whole final response; one of 1xx is passed over."""
        response = self.read_head()
        while response.status < 200:
            response = self.read_head()
        if method != "HEAD" and response.status not in {204, 304}:
            self._read_body(response)
        return response

    def read_head(self) -> Response:
        """Read a status line and the fields behind it."""
        head = self._read_until(b"\r\n\r\n").decode("latin-1")
        status_line, *lines = head.split("\r\n")[:-2]
        version, status, reason = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return Response(int(status), reason, fields)

    def read_to_end(self) -> bytes:
        """Read until the server closes."""
        while self._read_more():
            pass
        rest, self._received = self._received, b""
        return rest

    def read_exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            assert self._read_more(), f"the server closed behind {self._received!r}"
        data, self._received = self._received[:count], self._received[count:]
        return data

    def discard(self, count: int) -> None:
        """Read that many bytes and forget them."""
        count -= len(self._received)
        self._received = b""
        buffer = bytearray(1 << 20)
        while count > 0:
            read = self._socket.recv_into(buffer, min(count, len(buffer)))
            assert read, f"the server closed {count} bytes early"
            count -= read

    def nothing_received(self) -> bool:
        """Whether nothing has come by now and the connection is open."""
        self._socket.setblocking(False)
        try:
            self._received += self._socket.recv(1) or b"the end"
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(DEADLINE)
        return not self._received

    def send_and_read(self, data: bytes) -> None:
        """Send all of it; what the server says meanwhile is received, so that it can go on."""
        self._socket.setblocking(False)
        try:
            left = memoryview(data)
            while left:
                readable, writable, _ = select.select([self._socket], [self._socket], [], DEADLINE)
                assert readable or writable, f"the server took nothing within {DEADLINE} s"
                if readable:
                    received = self._socket.recv(1 << 20)
                    if not received:
                        raise BrokenPipeError
                    self._received = (self._received + received)[:65536]
                if writable:
                    left = left[self._socket.send(left[:65536]) :]
        finally:
            self._socket.settimeout(DEADLINE)

    def send_what_fits(self, data: bytes) -> None:
        """Send until the server reads no more."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while data and select.select([], [self._socket], [], 0.2)[1]:
                data = data[self._socket.send(data) :]
        self._socket.settimeout(DEADLINE)

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the server closes this connection, of which nothing is to be read."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return False
        with contextlib.suppress(ConnectionResetError):
            return not self._socket.recv(1)
        return True

    def wait_for_reset(self) -> None:
        """Wait until the server has reset the connection, without reading what it sent."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLERR)
        assert waiting.poll(DEADLINE * 1000), f"no reset within {DEADLINE} s"

    def drip(self, most: int = 300, seconds: float = 0.1) -> None:
        """Send a byte now and then until the server answers or closes."""
        for _ in range(most):
            try:
                self._socket.sendall(b"x")
            except (BrokenPipeError, ConnectionResetError):
                return
            if select.select([self._socket], [], [], seconds)[0]:
                return

    def discard_slowly(self, count: int, per_second: int) -> None:
        """Read that many bytes at the pace of a slow peer, ten times a second."""
        while count > 0:
            self.discard(part := min(count, per_second // 10))
            count -= part
            time.sleep(0.1)

    def _read_more(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            if not self.may_be_reset:
                raise
            return False
        except TimeoutError:
            raise AssertionError(f"nothing within {DEADLINE} s behind {self._received!r}") from None
        self._received += data
        return bool(data)

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._received:
            assert self._read_more(), f"the server closed behind {self._received!r}"
        data, _, self._received = self._received.partition(end)
        return data + end

    def _read_body(self, response: Response) -> None:
        if response.values("transfer-encoding") == ["chunked"]:
            try:
                while chunk := self.read_exactly(int(self._read_until(b"\r\n"), 16)):
                    response.chunks.append(chunk)
                    assert self.read_exactly(2) == b"\r\n"
                assert self._read_until(b"\r\n") == b"\r\n"
            except AssertionError:
                response.complete = False
            response.body = b"".join(response.chunks)
        elif lengths := response.values("content-length"):
            (length,) = lengths
            while len(self._received) < int(length) and self._read_more():
                pass
            response.complete = len(self._received) >= int(length)
            response.body = self._received[: int(length)]
            self._received = self._received[int(length) :]
        else:
            assert response.closes, "a response without a length has to close"
            response.body = self.read_to_end()
