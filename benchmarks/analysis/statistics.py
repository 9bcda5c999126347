"""Statistics over runs, and tests of the difference of two sets of them; pure functions.

Scores are (runs, tasks) throughout, one run being one seed. The interquartile mean and the stratified bootstrap are
those of Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice" (2021), section 4.

The observations of a test are runs. The sequences of one run are not: they share their weights, so that a test over
them tells two trained models apart, never two algorithms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln
from scipy.stats import trim_mean, ttest_ind_from_stats

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]
"""Of scores (B, runs, tasks), for each of the B by itself: (B,)."""
# Equal numbers may differ in their last bits when they were summed in another order: a spread below this share of
# their size is none.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Summary:
    """Of the scores of one algorithm.

    Attributes:
        count: runs.
        mean: over runs and tasks.
        std: of the runs' means over tasks, with Bessel's correction; None for a single run.
        iqm: interquartile mean.
        low, high: 95% stratified bootstrap interval of the interquartile mean; None for a single run.
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
    return float(means(_checked(scores)[None])[0])


def means(scores: FloatArray) -> FloatArray:
    """`mean` of B tables at once: (B, runs, tasks) -> (B,)."""
    return np.asarray(scores.mean((1, 2)))


def std(scores: ArrayLike) -> float:
    """Standard deviation (Bessel's correction) over runs of each run's mean over tasks.

    Raises:
        ValueError: fewer than two runs.
    """
    per_run = _checked(scores).mean(1)
    if len(per_run) < 2:
        raise ValueError("scores: a standard deviation needs at least 2 runs, got 1")
    return float(per_run.std(ddof=1))


def interquartile_mean(scores: ArrayLike) -> float:
    """Mean of the middle half of all scores (runs, tasks): the lowest and the highest floor(n / 4) are left out, so
    that below four scores it is the mean."""
    return float(interquartile_means(_checked(scores)[None])[0])


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
    table = _checked(scores)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie in (0, 1)")
    if replicates < 1:
        raise ValueError(f"replicates={replicates} must be >= 1")
    drawn = rng.integers(len(table), size=(replicates, *table.shape))  # (B, runs, tasks)
    resampled = np.take_along_axis(np.broadcast_to(table, drawn.shape), drawn, axis=1)
    low, high = np.quantile(statistic(resampled), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def summarise(scores: ArrayLike, rng: np.random.Generator) -> Summary:
    """Mean, spread, interquartile mean and its interval, of `scores` (runs, tasks)."""
    table = _checked(scores)
    several = len(table) > 1
    low, high = bootstrap_interval(table, interquartile_means, rng) if several else (None, None)
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


@dataclass(frozen=True)
class Sample:
    """Sample of observations, as tests see it.

    Attributes:
        count: of observations, >= 2.
        mean: of them.
        std: their standard deviation, with Bessel's correction; 0.0 where they differ by rounding alone.
    """

    count: int
    mean: float
    std: float

    @classmethod
    def of(cls, name: str, values: ArrayLike) -> Sample:
        """Of observations (N,).

        Raises:
            ValueError: fewer than two, another shape, or not finite.
        """
        found = np.asarray(values, np.float64)
        if found.ndim != 1 or len(found) < 2:
            raise ValueError(f"{name} must be (N,) with N >= 2, got shape {found.shape}: one observation has no spread")
        if not np.isfinite(found).all():
            raise ValueError(f"{name} must be finite; leave out runs that failed, and say so")
        constant = np.ptp(found) <= ROUNDING * np.abs(found).max()
        return cls(len(found), float(found.mean()), 0.0 if constant else float(found.std(ddof=1)))


@dataclass(frozen=True)
class TTest:
    """The result of a t-test.

    Attributes:
        t: the statistic, positive where the first mean is the larger.
        df: degrees of freedom.
        p: two-sided, of the hypothesis that the means are equal.
    """

    t: float
    df: float
    p: float


def welch_test(a: ArrayLike, b: ArrayLike) -> TTest | None:
    """Welch's t-test of observations a (N,) and b (M,), whose variances may differ.

    t = (mean(a) - mean(b)) / sqrt(s_a^2 / N + s_b^2 / M), with the degrees of freedom of Welch, "The Generalization of
    'Student's' Problem when Several Different Population Variances are Involved" (1947), and Satterthwaite (1946).

    Returns:
        The test; None where neither a nor b varies, so that there is nothing to measure a difference by.

    Raises:
        ValueError: fewer than two observations of either, or not finite.
    """
    first, second = Sample.of("a", a), Sample.of("b", b)
    shares = np.array([first.std**2 / first.count, second.std**2 / second.count])
    if not shares.any():
        return None
    # Relative to their sum: squares of very small variances would vanish.
    relative = shares / shares.sum()
    df = 1.0 / float((relative**2 / (np.array([first.count, second.count]) - 1)).sum())
    return _tested(first, second, df, equal_var=False)


def student_test(a: ArrayLike, b: ArrayLike) -> TTest | None:
    """Student's t-test of observations a (N,) and b (M,) taken to have one variance; returns and raises as
    `welch_test`."""
    first, second = Sample.of("a", a), Sample.of("b", b)
    if not (first.std or second.std):
        return None
    return _tested(first, second, float(first.count + second.count - 2), equal_var=True)


def hedges_g(a: ArrayLike, b: ArrayLike) -> float | None:
    """The difference of two means in standard deviations, g = J(m) (mean(a) - mean(b)) / s with the pooled
    s^2 = ((N - 1) s_a^2 + (M - 1) s_b^2) / m, m = N + M - 2, and the factor that makes it unbiased,
    J(m) = Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)).

    Hedges, "Distribution Theory for Glass's Estimator of Effect Size and Related Estimators" (1981), equation 6e.

    Returns:
        g; None where neither a nor b varies.

    Raises:
        ValueError: fewer than two observations of either, or not finite.
    """
    first, second = Sample.of("a", a), Sample.of("b", b)
    m = first.count + second.count - 2
    pooled = np.sqrt(((first.count - 1) * first.std**2 + (second.count - 1) * second.std**2) / m)
    if pooled == 0:
        return None
    correction = np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    return float(correction * (first.mean - second.mean) / pooled)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values (m,) adjusted for m tests by Holm's step-down procedure: in ascending order,
    p'_(i) = max_{j <= i} min(1, (m - j + 1) p_(j)).

    Rejecting where p' <= alpha keeps the probability of any false rejection at alpha at most, whatever the tests depend
    on. Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).

    Returns:
        (m,) in the order given; none for no tests.

    Raises:
        ValueError: another shape, or values outside [0, 1].
    """
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p_values must be (m,) in [0, 1]; leave out tests that could not be made")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def _checked(scores: ArrayLike) -> FloatArray:
    table = np.asarray(scores, np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"scores must be (runs, tasks) with at least one of each, got shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("scores must be finite; leave out runs that failed, and say so")
    return table


def _tested(first: Sample, second: Sample, df: float, equal_var: bool) -> TTest:
    found = ttest_ind_from_stats(
        first.mean, first.std, first.count, second.mean, second.std, second.count, equal_var=equal_var
    )
    return TTest(float(found.statistic), df, float(found.pvalue))
