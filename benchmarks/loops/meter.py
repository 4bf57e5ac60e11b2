"""The clocks around one case: a warm-up that does not count, then the measured time."""

import os
import time

from suite import machine


class Meter:
    """Counts operations and charges them the CPU time of the whole process, all threads.

    Args:
        warm_up: seconds before the measurement begins.
        seconds: how long the measurement takes, at least.
    """

    def __init__(self, warm_up: float, seconds: float) -> None:
        self._warm_up = warm_up
        self._seconds = seconds
        self._until: float | None = None
        self._measuring = False
        self._operations = 0
        self._latencies: list[float] = []
        self._begun = (0.0, 0.0, 0.0)
        self.figures: dict[str, float] = {}

    def again(self, operations: int = 1) -> bool:
        """Count `operations` as done; False once the measured time is over."""
        now = time.perf_counter()
        self._operations += operations
        if self._until is None:
            self._until = now + self._warm_up
        if now < self._until:
            return True
        if self.figures:
            return False
        if self._measuring:
            self._end(now)
            return False
        self._begin()
        return True

    def latency(self, seconds: float) -> None:
        """Note how long one operation took; its percentiles become figures."""
        self._latencies.append(seconds)

    def _begin(self) -> None:
        self._measuring = True
        self._operations = 0
        self._latencies.clear()
        waited = machine.waited_of_one(os.getpid())
        self._begun = (waited, time.process_time(), time.perf_counter())
        self._until = self._begun[2] + self._seconds

    def _end(self, now: float) -> None:
        cpu = time.process_time() - self._begun[1]
        wall = now - self._begun[2]
        waited = machine.waited_of_one(os.getpid()) - self._begun[0]
        self.figures = {
            "operations": self._operations,
            "cpu_us": cpu / self._operations * 1e6,
            "wall_us": wall / self._operations * 1e6,
            "waited_share": waited / wall,
        }
        if self._latencies:
            ordered = sorted(self._latencies)
            for percent in (50, 99):
                value = ordered[len(ordered) * percent // 100]
                self.figures[f"p{percent}_us"] = value * 1e6
