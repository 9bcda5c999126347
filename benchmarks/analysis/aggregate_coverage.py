"""Coverage of the intervals of a leaderboard: how often, with five runs on k tasks, they hold what all runs would give.

    python -m benchmarks.analysis.aggregate_coverage

measures it anew, for scores of two kinds, and prints the table that is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from benchmarks.analysis.aggregates import (
    AGGREGATES,
    aggregate,
    aggregate_intervals,
    improvement_interval,
)

FloatArray = NDArray[np.float64]
RUNS = 5
TASKS = (1, 3, 5, 10, 20)
REPLICATES, DRAWN = 1_000, 1_000
"""Experiments that are simulated for an entry, and bootstrap samples of each."""
# Runs of which an aggregate is known to about 0.001.
POPULATION = 100_000
SPREAD, LOWER = 0.15, 0.6
SPOKEN: Mapping[str, str] = MappingProxyType(
    {
        "iqm": "interquartile mean",
        "median": "median",
        "mean": "mean",
        "optimality_gap": "optimality gap",
        "improvement": "probability of improvement",
    }
)
NAMES = tuple(SPOKEN)
KINDS: Mapping[str, float] = MappingProxyType({"normal": 0.0, "1 run of 5 stuck": 0.2})
"""Scores of a task are normal around its mean, SPREAD wide; of this share of the runs LOWER less."""
# As `main` printed it; a test measures some of it anew. Kind -> aggregate -> by the number of tasks.
COVERAGE: Mapping[str, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        "normal": {
            "iqm": (0.909, 0.882, 0.901, 0.917, 0.906),
            "median": (0.842, 0.839, 0.881, 0.94, 0.962),
            "mean": (0.842, 0.871, 0.899, 0.92, 0.899),
            "optimality_gap": (0.842, 0.877, 0.899, 0.922, 0.905),
            "improvement": (0.914, 0.914, 0.947, 0.942, 0.944),
        },
        "1 run of 5 stuck": {
            "iqm": (0.885, 0.872, 0.918, 0.913, 0.922),
            "median": (0.755, 0.846, 0.912, 0.954, 0.967),
            "mean": (0.755, 0.868, 0.917, 0.916, 0.904),
            "optimality_gap": (0.755, 0.87, 0.909, 0.916, 0.9),
            "improvement": (0.914, 0.927, 0.942, 0.95, 0.94),
        },
    }
)

FEW_TASKS = 10
# With fewer runs, for normal scores on FEW_TASKS tasks: runs -> aggregate.
FEWER: Mapping[int, Mapping[str, float]] = MappingProxyType(
    {
        2: {"iqm": 0.789, "median": 0.785, "mean": 0.803, "optimality_gap": 0.802, "improvement": 0.865},
        3: {"iqm": 0.889, "median": 0.92, "mean": 0.887, "optimality_gap": 0.886, "improvement": 0.913},
        4: {"iqm": 0.896, "median": 0.914, "mean": 0.9, "optimality_gap": 0.896, "improvement": 0.941},
    }
)


def drawn(rng: np.random.Generator, tasks: int, stuck: float, runs: int = RUNS, better: float = 0.0) -> FloatArray:
    """Scores (runs, tasks) whose means lie evenly between 0.2 and 0.9, `better` higher."""
    middles = np.linspace(0.2, 0.9, tasks) if tasks > 1 else np.array([0.55])
    scores = middles + better + SPREAD * rng.standard_normal((runs, tasks))
    return np.asarray(np.where(rng.random((runs, tasks)) < stuck, scores - LOWER, scores))


def measured(
    tasks: int,
    stuck: float,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
    samples: int = DRAWN,
    runs: int = RUNS,
) -> dict[str, float]:
    """Name of an aggregate -> the share of `replicates` experiments whose 95% interval holds its true value; of the
    probability of improvement, over an algorithm whose scores are 0.05 lower."""
    population = drawn(np.random.default_rng(0), tasks, stuck, POPULATION)
    truth = {name: aggregate(population, statistic) for name, statistic in AGGREGATES.items()}
    truth["improvement"] = _true_improvement(tasks, stuck)
    held = dict.fromkeys(NAMES, 0)
    for _ in range(replicates):
        scores, others = drawn(rng, tasks, stuck, runs, better=0.05), drawn(rng, tasks, stuck, runs)
        intervals = aggregate_intervals(others, rng, replicates=samples)
        intervals["improvement"] = improvement_interval(scores, others, rng, replicates=samples)
        for name, (low, high) in intervals.items():
            held[name] += low <= truth[name] <= high
    return {name: count / replicates for name, count in held.items()}


def _true_improvement(tasks: int, stuck: float) -> float:
    """Of one run of a population over another, in pairs."""
    rng = np.random.default_rng(1)
    first, second = drawn(rng, tasks, stuck, POPULATION, better=0.05), drawn(rng, tasks, stuck, POPULATION)
    return float((first > second).mean())


def nearest(tasks: int) -> int:
    """The place in `TASKS` of the number of tasks that was measured and is nearest."""
    return int(np.abs(np.array(TASKS) - tasks).argmin())


def said(tasks: int, runs: int = RUNS) -> str:
    """Coverage of the intervals of a leaderboard over so many tasks and runs, in words."""
    if runs in FEWER:
        parts = [f"{title} {FEWER[runs][name]:.0%}" for name, title in SPOKEN.items()]
        return (
            f"Measured coverage of these 95% intervals with {runs} runs on {FEW_TASKS} tasks, for normal scores: "
            f"{'; '.join(parts)}."
        )
    at = nearest(tasks)
    parts = [
        f"{title} {COVERAGE['normal'][name][at]:.0%} and {COVERAGE['1 run of 5 stuck'][name][at]:.0%}"
        for name, title in SPOKEN.items()
    ]
    return (
        f"Measured coverage of these 95% intervals with {RUNS} runs on {TASKS[at]} tasks, for normal scores and where "
        f"one run of five is stuck lower: {'; '.join(parts)}."
    )


def main() -> None:
    """Prints the coverage by kind of scores, aggregate and number of tasks."""
    print(f"tasks: {TASKS}, {RUNS} runs")
    for kind, stuck in KINDS.items():
        found = [measured(tasks, stuck, np.random.default_rng(2)) for tasks in TASKS]
        print(f'        "{kind}": {{')
        for name in NAMES:
            print(f'            "{name}": {tuple(round(each[name], 3) for each in found)},', flush=True)
        print("        },")
    for runs in FEWER:
        few = measured(FEW_TASKS, KINDS["normal"], np.random.default_rng(2), runs=runs)
        print(f"        {runs}: { ({name: round(share, 3) for name, share in few.items()}) },", flush=True)


if __name__ == "__main__":
    main()
