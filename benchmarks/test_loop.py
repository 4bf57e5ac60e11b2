"""Checks of the loop benchmark itself: `pytest benchmarks/test_loop.py`; needs uvloop."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import loop as benchmark
from loops import cases, streams, table
from loops.cases import Case, Figure
from loops.meter import Meter

QUICK = benchmark.QUICK


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(cases.BY_NAME) == len(cases.CASES)


def _metered(operation: float, *, burn: bool, warm_up: float = 0.02) -> dict[str, float]:
    """Measure operations that take so long, on the processor or asleep."""
    meter = Meter(warm_up, 0.2)
    while meter.again():
        if burn:
            end = time.thread_time() + operation
            while time.thread_time() < end:
                pass
        else:
            time.sleep(operation)
    return meter.figures


def test_an_operation_is_charged_its_cpu_time() -> None:
    assert _metered(0.002, burn=True)["cpu_us"] == pytest.approx(2000, rel=0.1)


def test_sleeping_is_wall_time_but_no_cpu_time() -> None:
    found = _metered(0.005, burn=False)
    assert found["wall_us"] >= 5000
    assert found["cpu_us"] < 1000


def test_operations_of_the_warm_up_are_not_counted() -> None:
    found = _metered(0.01, burn=False, warm_up=0.2)
    assert 0 < found["operations"] <= 21


def test_a_meter_that_is_over_stays_over() -> None:
    meter = Meter(0, 0)
    while meter.again():
        pass
    before = dict(meter.figures)
    assert not meter.again(1000)
    assert meter.figures == before


def test_percentiles_are_those_of_the_measured_time() -> None:
    meter = Meter(0, 0)
    meter.latency(99.0)  # before the measurement
    assert meter.again()
    for latency in range(100):
        meter.latency(latency / 1e6)
    assert not meter.again()
    assert (meter.figures["p50_us"], meter.figures["p99_us"]) == pytest.approx((50, 99))


def test_a_ratio_is_taken_within_each_round() -> None:
    case = Case("x", "X", lambda *_: None, (Figure("cpu_us", "CPU", 0.6),))
    rounds = {
        "fasterapi_asgi": {"cpu_us": [1.0, 10.0, 6.0]},
        "uvloop": {"cpu_us": [2.0, 20.0, 10.0]},
    }
    line = table.line(case, case.figures[0], rounds)
    assert line.ratios == {"uvloop": pytest.approx((0.5, 0.5, 0.6))}
    assert line.values == {"fasterapi_asgi": 6.0, "uvloop": 10.0}
    assert line.met


def test_targets_are_judged_only_for_our_loop_against_uvloop() -> None:
    case = Case("x", "X", lambda *_: None, (Figure("cpu_us", "CPU", 0.6),))
    rounds = {"uvloop": {"cpu_us": [1.0]}, "asyncio": {"cpu_us": [2.0]}}
    assert table.line(case, case.figures[0], rounds).met is None


def test_a_case_that_fails_says_which_and_why() -> None:
    case = Case("no-such-case", "", lambda *_: None, ())
    with pytest.raises(benchmark.CaseFailed, match="no-such-case on asyncio: status 1") as failed:
        benchmark.measure_one(case, "asyncio", QUICK)
    assert "KeyError" in str(failed.value)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"y" * 10, "the answer is not the message"),
        (b"x" * 5, "the server has closed the connection"),
    ],
    ids=["wrong", "cut"],
)
def test_the_client_ends_at_an_answer_that_is_no_echo(answer: bytes, complaint: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, streams.CLIENT, "tcp", listener.getsockname()[1], 10, 1]
        words = [str(word) for word in command]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as client:
            connection, _ = listener.accept()
            with connection:
                assert len(connection.recv(10, socket.MSG_WAITALL)) == 10
                connection.sendall(answer)
            _, said = client.communicate(timeout=20)
    assert client.returncode == 1
    assert complaint in said


def test_a_case_fails_whose_client_has_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RuntimeError, match="the client ended with 1"):
        with streams.client("tcp", port, 10, 1) as process:  # nobody listens there
            process.wait(20)


def test_the_result_holds_every_round(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    script = [sys.executable, benchmark.__file__]
    options = ["--quick", "--rounds=2", "--cases=call-soon", f"--output={output}"]
    done = subprocess.run([*script, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| call_soon, 1000 per turn, CPU |" in done.stdout
    found = json.loads(output.read_text())
    assert [len(loop["cpu_us"]) for loop in found["cases"]["call-soon"].values()] == [2, 2, 2]
    assert found["machine"]["python"]


def test_an_unknown_case_is_refused() -> None:
    script = [sys.executable, benchmark.__file__, "--cases=call-soon,nonsense"]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 2
    assert "nonsense: not of call-soon" in done.stderr
