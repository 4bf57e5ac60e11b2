"""The other end of the echo cases: `client.py PORT SIZE CONNECTIONS`, until it is killed.

Sends one message on each connection, then waits for all answers and compares them.
"""

import socket
import sys
from collections.abc import Sequence

TIMEOUT_S = 20.0


def connect(port: int) -> socket.socket:
    """Make one connection."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


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


def main(port: str, size: str, connections: str) -> None:
    """Ask and compare for ever."""
    asked: Sequence[socket.socket] = [connect(int(port)) for _ in range(int(connections))]
    message = bytes(number % 251 for number in range(int(size)))
    answer = bytearray(len(message))
    view = memoryview(answer)
    while True:
        for connection in asked:
            connection.sendall(message)
        for connection in asked:
            receive(connection, view)
            if answer != message:
                raise ValueError("the answer is not the message")
            view[:1] = b"\xff"  # so that no old answer passes for a new one


if __name__ == "__main__":
    main(*sys.argv[1:])
