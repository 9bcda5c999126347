"""Clock that times works in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Call = Callable[[], object]
FEWEST_REPEATS = 3


@dataclass(frozen=True)
class Clock:
    """Clock: how works are timed.

    Attributes:
        repeats: rounds, each timing every work once; the table shows the median.
        least_seconds: that a work is repeated for within a round.
        most_seconds: for one comparison; slow works take fewer rounds, but at least 3 where `repeats` allows.

    Raises:
        ValueError: less than one round.
    """

    repeats: int = 7
    least_seconds: float = 0.02
    most_seconds: float = 8.0

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"--repeats {self.repeats} must be a whole number >= 1")

    def compare(self, calls: Mapping[str, Call]) -> dict[str, tuple[float, ...]]:
        """Seconds of one call of each work, a number for each round A B C A B C ...

        Each is called before that: what it compiles or fills at first is not timed.
        """
        loops = {name: self._loops(call) for name, call in calls.items()}
        begun = time.perf_counter()
        rounds: list[dict[str, float]] = []
        while len(rounds) < self.repeats:
            spent = time.perf_counter() - begun
            if len(rounds) >= FEWEST_REPEATS and spent * (1 + 1 / len(rounds)) > self.most_seconds:
                break
            rounds.append({name: seconds(call, loops[name]) / loops[name] for name, call in calls.items()})
        return {name: tuple(each[name] for each in rounds) for name in calls}

    def _loops(self, call: Call) -> int:
        """Calls that take `least_seconds`, found by trying."""
        if seconds(call, 1) > self.most_seconds / 4:
            return 1  # too slow for a second trial
        loops = 1
        while (taken := seconds(call, loops)) < self.least_seconds:
            # A factor of 10 at most: a first call may be slow by chance, or fast beyond the clock's resolution.
            loops = max(loops + 1, math.ceil(loops * min(10.0, 1.2 * self.least_seconds / max(taken, 1e-9))))
        return loops

    def fastest(self, calls: Mapping[str, Call]) -> str:
        """The name of the work that takes the least time at its best of three: to be fair to a floor."""
        best = {name: math.inf for name in calls}
        loops = {name: self._loops(call) for name, call in calls.items()}
        for _ in range(3):
            for name, call in calls.items():
                best[name] = min(best[name], seconds(call, loops[name]) / loops[name])
        return min(best, key=lambda name: best[name])


def seconds(call: Call, loops: int) -> float:
    """Seconds that `loops` calls take, the collector of cyclic garbage at rest."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        begun = time.perf_counter()
        for _ in range(loops):
            call()
        return time.perf_counter() - begun
    finally:
        if collecting:
            gc.enable()


def exponent(sizes: list[int], costs: list[float]) -> float | None:
    """b of cost = a * size^b by least squares in logarithms, over the larger half of the sizes: constant overhead
    flatters the smaller ones. None for fewer than two sizes."""
    start = (len(sizes) - 1) // 2
    if len(sizes) - start < 2:
        return None
    slope, _ = np.polyfit(np.log(sizes[start:]), np.log(costs[start:]), 1)
    return float(slope)
