"""Tests of the difference of two sets of runs; pure functions.

The observations of a test are runs. The sequences of one run are not: they share their weights, so that a test over
them tells two trained models apart, never two algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln
from scipy.stats import t as student_t
from scipy.stats import ttest_ind_from_stats

# Equal numbers may differ in their last bits when they were summed in another order: a spread below this share of
# their size is none.
ROUNDING = 1e-12


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


def welch_interval(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """The interval of mean(a) - mean(b) that `welch_test` does not reject at 1 - `level`, for observations a (N,) and
    b (M,); None, and raises, as there."""
    test = welch_test(a, b)
    if test is None:
        return None
    first, second = Sample.of("a", a), Sample.of("b", b)
    half = float(student_t.ppf((1 + level) / 2, test.df)) * np.hypot(
        first.std / np.sqrt(first.count), second.std / np.sqrt(second.count)
    )
    difference = first.mean - second.mean
    return float(difference - half), float(difference + half)


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


def _tested(first: Sample, second: Sample, df: float, equal_var: bool) -> TTest:
    found = ttest_ind_from_stats(
        first.mean, first.std, first.count, second.mean, second.std, second.count, equal_var=equal_var
    )
    return TTest(float(found.statistic), df, float(found.pvalue))
