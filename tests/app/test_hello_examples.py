"""Each of the smallest applications, started and asked once."""

from pathlib import Path

import httpx2
import pytest
from app_server import EXAMPLES, ServerProcess


@pytest.mark.parametrize(
    ("target", "content_type", "body"),
    [
        ("raw:app", "text/plain", "Hello, world!"),
        ("starlette_app:app", "text/plain; charset=utf-8", "Hello, world!"),
        ("fastapi_app:app", "application/json", '{"message":"Hello, world!"}'),
    ],
)
def test_a_hello_example_says_hello(
    server_name: str, tmp_path: Path, target: str, content_type: str, body: str
) -> None:
    arguments = ("--app-dir", str(EXAMPLES / "hello"))
    server = ServerProcess(server_name, target, *arguments, cwd=tmp_path)
    try:
        server.wait_until_running()
        reply = httpx2.get(server.url)
    finally:
        server.end()
    assert (reply.status_code, reply.headers["content-type"]) == (200, content_type)
    assert reply.text == body
