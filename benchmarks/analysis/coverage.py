"""Coverage of the interval that tables print: how often it holds the interquartile mean of all runs that could be made.

    python -m benchmarks.analysis.coverage

measures it anew, for scores of six distributions, and prints the table that is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from benchmarks.analysis.statistics import BOOTSTRAP_FROM, interquartile_mean, iqm_interval

FloatArray = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], FloatArray]
REPLICATES = 4_000
# Scores from which the interquartile mean of a distribution is known to about 0.001 of its spread.
POPULATION = 2_000_000


def _either(rng: np.random.Generator, count: int, low_share: float) -> FloatArray:
    """Scores of runs of which some end at another, lower place."""
    return np.where(rng.random(count) < low_share, -4.0, 0.0) + 0.5 * rng.standard_normal(count)


DISTRIBUTIONS: Mapping[str, Draw] = MappingProxyType(
    {
        "normal": lambda rng, count: rng.standard_normal(count),
        "uniform": lambda rng, count: rng.uniform(size=count),
        "exponential": lambda rng, count: rng.exponential(size=count),
        "t, 3 degrees": lambda rng, count: rng.standard_t(3, size=count),
        "1 run of 10 lower": lambda rng, count: _either(rng, count, 0.1),
        "1 run of 2 lower": lambda rng, count: _either(rng, count, 0.5),
    }
)
RUNS = (2, 3, 4, 5, 6, 8, 10, 20)
# As `main` printed it; a test measures some of it anew.
COVERAGE: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "normal": (0.95, 0.954, 0.945, 0.95, 0.948, 0.94, 0.935, 0.944),
        "uniform": (0.925, 0.918, 0.918, 0.915, 0.92, 0.888, 0.94, 0.942),
        "exponential": (0.933, 0.93, 0.929, 0.93, 0.932, 0.928, 0.929, 0.941),
        "t, 3 degrees": (0.961, 0.96, 0.956, 0.962, 0.965, 0.956, 0.945, 0.942),
        "1 run of 10 lower": (0.953, 0.963, 0.955, 0.963, 0.966, 0.954, 0.938, 0.95),
        "1 run of 2 lower": (0.82, 0.772, 0.877, 0.908, 0.851, 0.765, 0.928, 0.944),
    }
)


def measured(draw: Draw, runs: int, rng: np.random.Generator, replicates: int = REPLICATES) -> float:
    """The share of `replicates` experiments of so many runs whose interval holds the interquartile mean."""
    truth = interquartile_mean(draw(np.random.default_rng(0), POPULATION)[:, None])
    held = 0
    for _ in range(replicates):
        low, high = iqm_interval(draw(rng, runs)[:, None], rng)
        held += low <= truth <= high
    return held / replicates


def said(runs: int) -> str:
    """Coverage of the interval of so many runs, in words, by the nearest number of runs that was measured: for normal
    scores, and for those of the six distributions that it holds least often."""
    at = int(np.abs(np.array(RUNS) - runs).argmin())
    worst = min(COVERAGE, key=lambda name: COVERAGE[name][at])
    method = "Student's t" if runs < BOOTSTRAP_FROM else "stratified bootstrap over runs"
    return (
        f"by {method}, whose measured coverage with {RUNS[at]} runs is {COVERAGE['normal'][at]:.0%} for normal scores "
        f"and {COVERAGE[worst][at]:.0%} at worst of six distributions ({worst})"
    )


def main() -> None:
    """Prints the coverage by distribution and number of runs."""
    print(f"runs: {RUNS}")
    for name, draw in DISTRIBUTIONS.items():
        rng = np.random.default_rng(1)
        found = tuple(round(measured(draw, runs, rng), 3) for runs in RUNS)
        print(f'        "{name}": {found},', flush=True)


if __name__ == "__main__":
    main()
