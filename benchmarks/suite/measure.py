"""The measurements: rounds of load, and those that are not one load."""

import contextlib
import http.client
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from suite import cases, load_tool, servers
from suite.cases import Case
from suite.load_tool import Load
from suite.servers import Server

DISTURBED = 0.05  # of the time without the core: something else ran there
KEEP = ("--timeout-keep-alive", "600")  # idle connections must outlive the measurement


class WrongAnswer(Exception):
    """A server answered something else than the application said."""


@dataclass(frozen=True)
class Plan:
    """How long and how often; `quick()` is a smoke test, not a measurement."""

    rounds: int = 5
    seconds: float = 2.0
    warmup: float = 0.5
    idle_seconds: float = 10.0
    idle_connections: int = 1000
    memory_runs: int = 3
    starts: int = 7
    retries: int = 5

    @staticmethod
    def quick() -> "Plan":
        """Return the plan of --quick."""
        return Plan(1, 0.4, 0.1, 1.0, 200, 1, 1, 0)


@dataclass
class Figures:
    """Every round's figures of one case: one column per server, in the order of the rounds."""

    columns: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    repeated: int = 0  # rounds that were disturbed and measured again

    def extend(self, other: "Figures") -> None:
        """Append the rounds of another one."""
        for column, figures in other.columns.items():
            for name, values in figures.items():
                self.columns.setdefault(column, {}).setdefault(name, []).extend(values)
        for column, errors in other.errors.items():
            self.errors[column] = self.errors.get(column, 0) + errors

    def disturbed(self) -> bool:
        """Tell whether a server had to wait for its core in any round."""
        waited = (column["server_wait_share"] for column in self.columns.values())
        return any(share > DISTURBED for shares in waited for share in shares)

    def add(self, column: str, **values: float) -> None:
        """Append one round of one server."""
        figures = self.columns.setdefault(column, {})
        for name, value in values.items():
            figures.setdefault(name, []).append(value)

    def median(self, column: str, name: str) -> float:
        """Return the median over the rounds."""
        return median(self.columns[column][name])


def labels(kinds: list[str]) -> list[str]:
    """Return one column name per server; a repeated server is numbered."""
    return [
        kind if kinds.index(kind) == i else f"{kind} ({kinds[: i + 1].count(kind)})"
        for i, kind in enumerate(kinds)
    ]


def check_answer(case: Case, server: Server) -> None:
    """Ask once and compare the answer: a fast wrong answer is no figure.

    Raises:
        WrongAnswer: the status is not 200, or the body is not what it must be.
    """
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        body = bytes(case.load.body) or None
        connection.request("POST" if body else "GET", case.load.path, body)
        answer = connection.getresponse()
        received = answer.read()
    expected = body or (case.constant.body.encode() if case.constant else None)
    right = received == expected if expected else len(received) == case.body_bytes
    if answer.status != 200 or not right:
        raise WrongAnswer(f"{server.kind}: {case.name}: {answer.status}, {received[:200]!r}")


def _sample(figures: Figures, column: str, case: Case, server: Server, plan: Plan) -> None:
    found = load_tool.measure(case.load, server, plan.seconds, plan.warmup)
    figures.add(
        column,
        cpu_us=found["server_cpu_us"],
        kernel_us=found["server_kernel_us"],
        rps=found["rps"],
        p50_us=found["latency_us"]["p50"],
        p99_us=found["latency_us"]["p99"],
        rss_mib=server.rss_bytes() / 2**20,
        server_cpu_share=found["server_cpu_share"],
        server_wait_share=found["server_wait_share"],
        load_cpu_share=found["load_cpu_share"],
    )
    figures.errors[column] = figures.errors.get(column, 0) + found["errors"]


def rounds(case: Case, kinds: list[str], plan: Plan) -> Figures:
    """Measure one case: all servers up, then A B A B ..., one of them busy at a time."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        lanes: list[tuple[str, Server]] = []
        for label, kind in zip(labels(kinds), kinds, strict=True):
            if case.access_log:
                quiet = stack.enter_context(case.server(kind))
                lanes.append((f"{label}, log off", quiet))
            server = case.server(kind, access_log=case.access_log)
            lanes.append((label, stack.enter_context(server)))
        for _, server in lanes:
            check_answer(case, server)
        interleave(figures, lanes, case, plan)
    return figures


def interleave(figures: Figures, lanes: list[tuple[str, Server]], case: Case, plan: Plan) -> None:
    """Measure the rounds of all lanes; a disturbed one again, for all servers, while retries last.

    When they are used up, disturbed rounds count: a server that disturbs itself cannot hide it.
    """
    done = 0
    while done < plan.rounds:
        one = Figures()
        for column, server in lanes:
            _sample(one, column, case, server, plan)
        retry = one.disturbed() and not case.own_threads and figures.repeated < plan.retries
        if retry and not any(one.errors.values()):
            figures.repeated += 1
            continue
        figures.extend(one)
        done += 1


def by_load(kinds: list[str], plan: Plan) -> Figures:
    """Measure raw hello by the number of connections: figures with the number in their names."""
    figures = Figures()
    for connections in cases.BY_LOAD:
        load = replace(cases.HELLO_CASE.load, connections=connections)
        measured = rounds(replace(cases.HELLO_CASE, load=load), kinds, plan)
        for column, values in measured.columns.items():
            for name in ("p50_us", "p99_us", "rps", "cpu_us"):
                figures.columns.setdefault(column, {})[f"{name}_c{connections}"] = values[name]
            errors = figures.errors.get(column, 0) + measured.errors[column]
            figures.errors[column] = errors
        figures.repeated += measured.repeated
    return figures


def def_busy(kinds: list[str], plan: Plan) -> Figures:
    """Measure a `def` endpoint over one connection while 32 others keep the loop saturated."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        lanes = [
            (label, stack.enter_context(Server(kind, "fast")))
            for label, kind in zip(labels(kinds), kinds, strict=True)
        ]
        for _ in range(plan.rounds):
            for column, server in lanes:
                _sample_busy(figures, column, server, plan)
    return figures


def _sample_busy(figures: Figures, column: str, server: Server, plan: Plan) -> None:
    hammer_seconds = plan.warmup + plan.seconds + 0.5
    options = ("--warmup=0", f"--seconds={hammer_seconds}")
    hammer = load_tool.start(Load("/dict", connections=32), server.port, *options)
    measured = (f"--warmup={plan.warmup}", f"--seconds={plan.seconds}")
    found = load_tool.run(Load("/def", connections=1), server.port, *measured)
    output, _ = hammer.communicate()
    hammered = load_tool.figures(hammer, output)
    figures.add(
        column,
        def_p50_us=found["latency_us"]["p50"],
        def_p99_us=found["latency_us"]["p99"],
        def_rps=found["rps"],
        hammer_rps=hammered["rps"],
    )
    errors = found["errors"] + hammered["errors"]
    figures.errors[column] = figures.errors.get(column, 0) + errors


@contextlib.contextmanager
def _idle_connections(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """Hold `count` connections that have had one answer each."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(server.connect())
            servers.ask_hello(connection)
            connections.append(connection)
        yield connections


def idle_cpu(kinds: list[str], plan: Plan) -> Figures:
    """Measure the CPU time of a server that holds 100 idle connections; all at the same time."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        lanes = []
        for label, kind in zip(labels(kinds), kinds, strict=True):
            server = stack.enter_context(Server(kind, options=KEEP))
            stack.enter_context(_idle_connections(server, 100))
            lanes.append((label, server))
        time.sleep(0.5)
        begin = time.perf_counter()
        before = [server.cpu_seconds() for _, server in lanes]
        time.sleep(plan.idle_seconds)
        after = [server.cpu_seconds() for _, server in lanes]
        elapsed = time.perf_counter() - begin
    for (column, _), first, last in zip(lanes, before, after, strict=True):
        figures.add(column, idle_cpu_percent=(last - first) / elapsed * 100)
    return figures


def idle_memory(kinds: list[str], plan: Plan) -> Figures:
    """Measure how much resident memory one idle keep-alive connection adds, in KiB."""
    figures = Figures()
    for _ in range(plan.memory_runs):
        for label, kind in zip(labels(kinds), kinds, strict=True):
            with Server(kind, options=KEEP) as server:
                load_tool.run(Load(connections=8), server.port, "--warmup=0", "--requests=2000")
                before = server.rss_bytes()
                with _idle_connections(server, plan.idle_connections):
                    growth = server.rss_bytes() - before
            figures.add(label, connection_kib=growth / 1024 / plan.idle_connections)
    return figures


def start_up(kinds: list[str], plan: Plan) -> Figures:
    """Measure process start to first answer in ms; one start per server warms the disk cache."""
    figures = Figures()
    for kind in kinds:
        servers.seconds_to_first_answer(kind)
    for _ in range(plan.starts):
        for label, kind in zip(labels(kinds), kinds, strict=True):
            figures.add(label, start_up_ms=servers.seconds_to_first_answer(kind) * 1e3)
    return figures


EXTRA: dict[str, Callable[[list[str], Plan], Figures]] = {
    "by-load": by_load,
    "def-busy": def_busy,
    "idle-cpu": idle_cpu,
    "idle-memory": idle_memory,
    "start-up": start_up,
}


def summary(figures: Figures) -> dict[str, Any]:
    """Return the figures as they go to the JSON file: medians, and every round."""
    return {
        column: {
            "repeated": figures.repeated,
            "errors": figures.errors.get(column, 0),
            "median": {name: round(median(all_), 4) for name, all_ in values.items()},
            "rounds": {name: [round(x, 4) for x in all_] for name, all_ in values.items()},
        }
        for column, values in figures.columns.items()
    }
