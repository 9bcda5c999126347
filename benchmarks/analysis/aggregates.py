"""Aggregates of normalised scores over runs and tasks, and what they say of further runs; pure functions.

Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice" (2021). Scores are (runs, tasks), one run being one seed; functions named in the plural take B tables at
once, (B, runs, tasks) -> (B,), which the bootstrap draws. The interquartile mean and the mean are those of
`benchmarks.analysis.statistics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.analysis.statistics import Statistic, checked_scores, interquartile_means, means

FloatArray = NDArray[np.float64]
MOST_AT_ONCE = 2_000_000
"""Scores that the bootstrap draws at a time: 16 MB of them."""
Pair = Callable[[FloatArray, FloatArray], FloatArray]
"""Statistic of two algorithms' scores (B, N, tasks), (B, M, tasks): (B,)."""


def medians(scores: FloatArray) -> FloatArray:
    """Median over tasks of each task's mean over runs."""
    return np.asarray(np.median(scores.mean(1), axis=1))


def optimality_gaps(scores: FloatArray, gamma: float = 1.0) -> FloatArray:
    """Mean over runs and tasks of max(gamma - score, 0): by how much the runs miss gamma, where what lies above it
    makes up for nothing (section 4.3)."""
    return np.asarray(np.maximum(gamma - scores, 0.0).mean((1, 2)))


def improvement_probabilities(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Mean over tasks of P(X > Y) + P(X = Y) / 2, X a run of `scores` (B, N, tasks) and Y one of `others`
    (B, M, tasks): Mann and Whitney's U over N M (section 4.3)."""
    pairs = scores[:, :, None, :], others[:, None, :, :]  # (B, N, 1, tasks), (B, 1, M, tasks)
    return np.asarray(((pairs[0] > pairs[1]) + 0.5 * (pairs[0] == pairs[1])).mean((1, 2, 3)))


AGGREGATES: Mapping[str, Statistic] = MappingProxyType(
    {"iqm": interquartile_means, "median": medians, "mean": means, "optimality_gap": optimality_gaps}
)
"""Aggregates of one algorithm's scores, by name."""


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Share of all runs on all tasks whose score is above each threshold (K,): (K,), the run-score distribution of
    section 4.2.

    Raises:
        ValueError: scores that are no (runs, tasks) or not finite.
    """
    table, above = checked_scores(scores), np.asarray(thresholds, np.float64)
    return np.asarray((table[..., None] > above).mean((0, 1)))


def profile_band(
    scores: ArrayLike,
    thresholds: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    replicates: int = 2_000,
) -> tuple[FloatArray, FloatArray]:
    """The pointwise percentile band of `performance_profile` by the stratified bootstrap: two arrays (K,)."""
    table, above = checked_scores(scores), np.sort(np.asarray(thresholds, np.float64))
    _check(confidence, replicates)
    found = [
        # Of sorted scores, those above a threshold are the last ones.
        1.0
        - np.stack([np.searchsorted(np.sort(row), above, side="right") for row in part.reshape(len(part), -1)])
        / table.size
        for part in resampled(table, rng, replicates)
    ]
    low, high = np.quantile(np.concatenate(found), _ends(confidence), axis=0)
    return low, high


def resampled(
    scores: ArrayLike, rng: np.random.Generator, replicates: int, over_tasks: bool = False
) -> Iterator[FloatArray]:
    """Tables that the stratified bootstrap draws, some at a time, (b, runs, tasks) and `replicates` in all: for each
    task by itself, its runs with replacement.

    Args:
        scores: (runs, tasks).
        rng: draws.
        replicates: how many tables.
        over_tasks: draw the tasks, too, with replacement: as if they had been another choice of their kind.
    """
    table = checked_scores(scores)
    runs, tasks = table.shape
    at_once = max(1, MOST_AT_ONCE // table.size)
    for begun in range(0, replicates, at_once):
        count = min(at_once, replicates - begun)
        drawn = rng.integers(runs, size=(count, runs, tasks))
        columns = rng.integers(tasks, size=(count, 1, tasks)) if over_tasks else np.arange(tasks)
        yield table[drawn, columns]


def aggregate_intervals(
    scores: ArrayLike,
    rng: np.random.Generator,
    statistics: Mapping[str, Statistic] = AGGREGATES,
    confidence: float = 0.95,
    replicates: int = 2_000,
    over_tasks: bool = False,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of several aggregates, all of the same tables of the stratified bootstrap.

    How often they hold what they should with few runs is measured by `benchmarks.analysis.aggregate_coverage`.

    Args:
        scores: (runs, tasks).
        rng, replicates, over_tasks: as `resampled`.
        statistics: by name.
        confidence: in (0, 1).

    Raises:
        ValueError: no scores, not finite, or arguments out of range.
    """
    _check(confidence, replicates)
    parts = [
        {name: statistic(tables) for name, statistic in statistics.items()}
        for tables in resampled(scores, rng, replicates, over_tasks)
    ]
    return {name: _interval(np.concatenate([part[name] for part in parts]), confidence) for name in statistics}


def improvement_interval(
    scores: ArrayLike,
    others: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    replicates: int = 2_000,
) -> tuple[float, float]:
    """Percentile interval of `improvement_probability`: the runs of both are drawn anew, task by task.

    Raises:
        ValueError: as `improvement_probability`, or arguments out of range.
    """
    first, second = _of_same_tasks(scores, others)
    _check(confidence, replicates)
    # As many tables of each at a time, and no more comparisons than fit.
    at_once = max(1, MOST_AT_ONCE // (first.size * len(second)))
    found = []
    for begun in range(0, replicates, at_once):
        count = min(at_once, replicates - begun)
        drawn = (np.concatenate(list(resampled(each, rng, count))) for each in (first, second))
        found.append(improvement_probabilities(*drawn))
    return _interval(np.concatenate(found), confidence)


def improvement_probability(scores: ArrayLike, others: ArrayLike) -> float:
    """`improvement_probabilities` of `scores` (N, tasks) over `others` (M, tasks) of the same tasks: 1/2 where neither
    is the better.

    Raises:
        ValueError: other shapes, or scores that are not finite.
    """
    first, second = _of_same_tasks(scores, others)
    return float(improvement_probabilities(first[None], second[None])[0])


def aggregate(scores: ArrayLike, statistic: Statistic) -> float:
    """A statistic of one table (runs, tasks).

    Raises:
        ValueError: another shape, or scores that are not finite.
    """
    return float(statistic(checked_scores(scores)[None])[0])


def _of_same_tasks(scores: ArrayLike, others: ArrayLike) -> tuple[FloatArray, FloatArray]:
    first, second = checked_scores(scores), checked_scores(others)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"others has {second.shape[1]} tasks, and scores {first.shape[1]}: compare on the tasks that both have"
        )
    return first, second


def _interval(values: FloatArray, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(values, _ends(confidence))
    return float(low), float(high)


def _ends(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2


def _check(confidence: float, replicates: int) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie in (0, 1)")
    if replicates < 1:
        raise ValueError(f"replicates={replicates} must be >= 1")
