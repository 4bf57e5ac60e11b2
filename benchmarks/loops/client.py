"""The other end of the echo cases: `client.py KIND PORT SIZE CONNECTIONS`, until it is killed.

KIND is tcp, tls or udp. Sends one message on each connection, then waits for all answers and
compares them.
"""

import socket
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loops import certificate

TIMEOUT_S = 20.0


def connect(kind: str, port: int) -> socket.socket:
    """Make one connection; over UDP, a socket that hears of one peer only."""
    if kind == "udp":
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        plain.settimeout(TIMEOUT_S)
        plain.connect(("127.0.0.1", port))
        return plain
    plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if kind == "tcp":
        return plain
    with tempfile.TemporaryDirectory() as folder:
        _, context = certificate.contexts(Path(folder))
    return context.wrap_socket(plain, server_hostname="localhost")


def receive(connection: socket.socket, answer: memoryview) -> None:
    """Fill `answer`.

    Raises:
        EOFError: the server has closed the connection.
    """
    received = 0
    while received < len(answer):
        count = connection.recv_into(answer[received:])
        if not count:
            raise EOFError("the server has closed the connection")
        received += count


def main(kind: str, port: str, size: str, connections: str) -> None:
    """Ask and compare for ever.

    Raises:
        ValueError: an answer is not what was sent.
    """
    asked = [connect(kind, int(port)) for _ in range(int(connections))]
    messages = [_message(int(size), number) for number in range(len(asked))]
    answer = memoryview(bytearray(int(size)))
    while True:
        for connection, message in zip(asked, messages, strict=True):
            connection.sendall(message)
        for connection, message in zip(asked, messages, strict=True):
            receive(connection, answer)
            if answer != message:
                raise ValueError("the answer is not the message")


def _message(size: int, number: int) -> bytes:
    """Make bytes that differ from connection to connection."""
    period = bytes((byte + number) % 251 for byte in range(251))
    return (period * (size // len(period) + 1))[:size]


if __name__ == "__main__":
    main(*sys.argv[1:])
