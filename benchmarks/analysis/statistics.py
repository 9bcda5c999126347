"""Statistics of scores over runs, and intervals of what they say of further runs; pure functions.

Scores are (runs, tasks) throughout, one run being one seed. The interquartile mean and the stratified bootstrap are
those of Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice" (2021), section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, t, trim_mean

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]
"""Of scores (B, runs, tasks), for each of the B by itself: (B,)."""
BOOTSTRAP_FROM = 10
"""Runs from which on the bootstrap's interval holds the interquartile mean about as often as it says."""


@dataclass(frozen=True)
class Summary:
    """Of the scores of one algorithm.

    Attributes:
        count: runs.
        mean: over runs and tasks.
        std: of the runs' means over tasks, with Bessel's correction; None for a single run.
        iqm: interquartile mean.
        low, high: 95% interval of the interquartile mean, see `iqm_interval`; None for a single run.
        minimum, maximum: over runs and tasks.
    """

    count: int
    mean: float
    std: float | None
    iqm: float
    low: float | None
    high: float | None
    minimum: float
    maximum: float


def mean(scores: ArrayLike) -> float:
    """Mean over runs and tasks of `scores` (runs, tasks)."""
    return float(means(checked_scores(scores)[None])[0])


def means(scores: FloatArray) -> FloatArray:
    """`mean` of B tables at once: (B, runs, tasks) -> (B,)."""
    return np.asarray(scores.mean((1, 2)))


def std(scores: ArrayLike) -> float:
    """Standard deviation (Bessel's correction) over runs of each run's mean over tasks.

    Raises:
        ValueError: fewer than two runs.
    """
    per_run = checked_scores(scores).mean(1)
    if len(per_run) < 2:
        raise ValueError("scores: a standard deviation needs at least 2 runs, got 1")
    return float(per_run.std(ddof=1))


def interquartile_mean(scores: ArrayLike) -> float:
    """Mean of the middle half of all scores (runs, tasks): the lowest and the highest floor(n / 4) are left out, so
    that below four scores it is the mean."""
    return float(interquartile_means(checked_scores(scores)[None])[0])


def interquartile_means(scores: FloatArray) -> FloatArray:
    """`interquartile_mean` of B tables at once: (B, runs, tasks) -> (B,)."""
    return np.asarray(trim_mean(scores.reshape(len(scores), -1), proportiontocut=0.25, axis=1))


def bootstrap_interval(
    scores: ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    confidence: float = 0.95,
    replicates: int = 2_000,
) -> tuple[float, float]:
    """Percentile interval of `statistic` under the stratified bootstrap: runs are drawn anew, with replacement,
    for each task by itself.

    Args:
        scores: (runs, tasks).
        statistic: such as `means` or `interquartile_means`.
        rng: draws the replicates.
        confidence: in (0, 1).
        replicates: bootstrap samples.

    Returns:
        The lower and the upper end, in the scores' unit.

    Raises:
        ValueError: no scores, not finite, or arguments out of range.
    """
    table = checked_scores(scores)
    _check_confidence(confidence)
    if replicates < 1:
        raise ValueError(f"replicates={replicates} must be >= 1")
    drawn = rng.integers(len(table), size=(replicates, *table.shape))  # (B, runs, tasks)
    resampled = np.take_along_axis(np.broadcast_to(table, drawn.shape), drawn, axis=1)
    low, high = np.quantile(statistic(resampled), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def t_interval(scores: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the interquartile mean of `scores` (runs, tasks) by Student's t: about it, the standard error of the
    mean of the runs' means over tasks times the quantile of t with runs - 1 degrees of freedom.

    The spread is that of all runs, not of the middle half, of which few would be left: with four runs Yuen's interval
    of a trimmed mean has one degree of freedom, and is three times as wide without holding more often.

    Returns:
        The lower and the upper end, in the scores' unit.

    Raises:
        ValueError: fewer than two runs, or a confidence out of range.
    """
    _check_confidence(confidence)
    middle, runs = interquartile_mean(scores), len(checked_scores(scores))
    half = float(t.ppf((1 + confidence) / 2, runs - 1)) * std(scores) / runs**0.5
    return middle - half, middle + half


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of `values` (runs,), with runs - 1 degrees of freedom.

    Returns:
        The lower and the upper end, in the values' unit.

    Raises:
        ValueError: fewer than two runs, values that are not finite, or a confidence out of range.
    """
    _check_confidence(confidence)
    scores = checked_scores(np.asarray(values, np.float64)[:, None])
    middle, runs = mean(scores), len(scores)
    half = float(t.ppf((1 + confidence) / 2, runs - 1)) * std(scores) / runs**0.5
    return middle - half, middle + half


def iqm_interval(scores: ArrayLike, rng: np.random.Generator, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the interquartile mean of `scores` (runs, tasks), runs >= 2: `t_interval` below `BOOTSTRAP_FROM`
    runs, where the bootstrap's is too narrow (with two runs it holds the true value half of the time), and that from
    there on. How often it holds it: `python -m benchmarks.analysis.coverage`.
    """
    if len(checked_scores(scores)) < BOOTSTRAP_FROM:
        return t_interval(scores, confidence)
    return bootstrap_interval(scores, interquartile_means, rng, confidence)


def rate_interval(events: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the rate of something that happened in `events` of `runs`: Clopper and Pearson, "The Use of
    Confidence or Fiducial Limits Illustrated in the Case of the Binomial" (1934), which holds the rate at least that
    often.

    Raises:
        ValueError: no runs, events that are not 0 to `runs`, or a confidence out of range.
    """
    _check_confidence(confidence)
    if runs < 1 or not 0 <= events <= runs:
        raise ValueError(f"events={events} must be 0 to runs={runs}, and runs at least 1")
    found = binomtest(events, runs).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def summarise(scores: ArrayLike, rng: np.random.Generator) -> Summary:
    """Mean, spread, interquartile mean and its interval, of `scores` (runs, tasks)."""
    table = checked_scores(scores)
    several = len(table) > 1
    low, high = iqm_interval(table, rng) if several else (None, None)
    return Summary(
        count=len(table),
        mean=mean(table),
        std=std(table) if several else None,
        iqm=interquartile_mean(table),
        low=low,
        high=high,
        minimum=float(table.min()),
        maximum=float(table.max()),
    )


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie in (0, 1)")


def checked_scores(scores: ArrayLike) -> FloatArray:
    table = np.asarray(scores, np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"scores must be (runs, tasks) with at least one of each, got shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("scores must be finite; leave out runs that failed, and say so")
    return table
