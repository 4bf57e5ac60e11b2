"""The cases and their targets: what is asked of which application, by how many connections."""

from dataclasses import dataclass, field
from typing import Any

from suite.kinds import HEARTBEAT, HELLO, KINDS, Constant
from suite.load_tool import Load
from suite.servers import Server


@dataclass(frozen=True)
class Case:
    """One row of the table, measured in rounds.

    Attributes:
        body_bytes: length of the right answer's body; None if `constant` says it, or an echo.
        constant: the right answer where it is the same each time.
        target: the largest ratio of CPU per request to uvicorn's that meets the target.
        access_log: compare with the access log on; the figure is what it adds.
        own_threads: the server's threads wait for each other, so waiting is no disturbance.
    """

    name: str
    title: str
    load: Load = field(default_factory=Load)
    app: str = "raw"
    body_bytes: int | None = None
    constant: Constant | None = None
    target: float | None = None
    access_log: bool = False
    own_threads: bool = False

    def server(self, kind: str, **options: Any) -> Server:
        """Make a server that answers this; see Server for the options."""
        return Server(kind, self.app, answer=self.constant or HELLO, **options)

    def can_be_asked(self, kind: str) -> bool:
        """Tell whether a kind of server can answer this."""
        server = KINDS[kind]
        if self.access_log:
            return server.like_uvicorn
        if self.load.pipeline > 1 and not server.pipelines:
            return False
        return server.runs_applications or self.constant is not None


ITEM = "/items/42?name=widget&price=2.5"

CASES = (
    Case("hello-c1", "raw hello, 1 connection", Load(connections=1), constant=HELLO, target=0.45),
    Case("hello-c64", "raw hello, 64 connections", constant=HELLO, target=0.45),
    Case("body-10k", "raw 10 KiB body", Load("/10k"), body_bytes=10240, target=0.45),
    Case("post-echo", "raw POST echo, 1 KiB", Load("/echo", body=1024), target=0.45),
    Case(
        "stream-100",
        "raw stream, 100 chunks of 1 KiB",
        Load("/stream", connections=16),
        body_bytes=102400,
        target=0.35,
    ),
    Case(
        "pipeline-16",
        "raw hello, pipelined x16",
        Load(connections=16, pipeline=16),
        constant=HELLO,
        target=0.20,
    ),
    Case("access-log", "raw hello, access log on", constant=HELLO, access_log=True),
    Case("fastapi-dict", "FastAPI dict", Load("/dict"), "fast", body_bytes=27, target=0.85),
    Case(
        "fastapi-heartbeat",
        "FastAPI /heartbeat",
        Load("/heartbeat"),
        "fast",
        constant=HEARTBEAT,
    ),
    Case(
        "heartbeat-pipelined",
        "FastAPI /heartbeat, pipelined x16",
        Load("/heartbeat", connections=16, pipeline=16),
        "fast",
        constant=HEARTBEAT,
    ),
    Case(
        "fastapi-item",
        "FastAPI path, query, response_model",
        Load(ITEM),
        "fast",
        body_bytes=54,
    ),
    Case(
        "fastapi-def",
        "FastAPI def endpoint",
        Load("/def"),
        "fast",
        body_bytes=27,
        target=0.95,
        own_threads=True,
    ),
)

HELLO_CASE = CASES[0]
BY_LOAD = (1, 4, 16, 64, 256)  # connections

# The measurements that are not rounds of one load, in measure.py by the same names.
EXTRAS = ("by-load", "def-busy", "idle-cpu", "idle-memory", "start-up")

ACCESS_LOG_ADDS_US = 1.5
IDLE_CPU_PERCENT = 0.05  # shows as 0.0 %
IDLE_CONNECTION_KIB = 4.0
START_UP_RATIO = 1.0
