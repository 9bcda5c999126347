"""Statistics against NumPy, SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmarks.analysis.statistics import (
    bootstrap_interval,
    interquartile_mean,
    interquartile_means,
    iqm_interval,
    mean,
    means,
    rate_interval,
    std,
    summarise,
    t_interval,
)
from benchmarks.analysis.verdicts import share_of_distance


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(3).normal(5.0, 2.0, (12, 3))


def test_mean_and_std_are_numpys(scores: np.ndarray) -> None:
    assert mean(scores) == pytest.approx(np.mean(scores))
    assert std(scores) == pytest.approx(np.std(np.mean(scores, axis=1), ddof=1))


def test_interquartile_mean_is_the_mean_of_the_middle_half() -> None:
    shuffled = np.random.default_rng(0).permutation(np.array([-1e9, -50.0, 3.0, 4.0, 5.0, 6.0, 50.0, 1e9]))
    assert interquartile_mean(shuffled.reshape(4, 2)) == pytest.approx(4.5)


def test_many_tables_at_once_are_one_by_one() -> None:
    tables = np.random.default_rng(5).normal(size=(50, 7, 2))
    assert means(tables) == pytest.approx([mean(table) for table in tables])
    assert interquartile_means(tables) == pytest.approx([interquartile_mean(table) for table in tables])


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_interquartile_mean_of_few_runs_is_the_mean(runs: int) -> None:
    few = np.arange(runs, dtype=float)[:, None] ** 2
    assert interquartile_mean(few) == pytest.approx(few.mean())


def test_bootstrap_of_one_task_is_scipys(scores: np.ndarray) -> None:
    column = scores[:, :1]
    low, high = bootstrap_interval(column, means, np.random.default_rng(0), replicates=20_000)
    theirs = scipy_stats.bootstrap(
        (column[:, 0],), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_bootstrap_draws_runs_for_each_task_by_itself() -> None:
    # Tasks whose scores mirror each other: whole runs drawn together would always give the mean 0.
    mirrored = np.array([[1.0, -1.0], [-1.0, 1.0], [2.0, -2.0], [-2.0, 2.0]])
    low, high = bootstrap_interval(mirrored, means, np.random.default_rng(0))
    # The mean over both columns then has variance 2.5 / 4 / 2.
    assert (low, high) == pytest.approx((-1.96 * 0.559, 1.96 * 0.559), abs=0.12)


def test_bootstrap_keeps_tasks_apart() -> None:
    # No spread within a task: no spread of the statistic, however far apart the tasks are.
    assert bootstrap_interval(np.tile([0.0, 100.0], (5, 1)), means, np.random.default_rng(0)) == (50.0, 50.0)


def test_interval_widens_with_confidence_and_repeats_with_the_generator(scores: np.ndarray) -> None:
    narrow = bootstrap_interval(scores, interquartile_means, np.random.default_rng(0), confidence=0.5)
    wide = bootstrap_interval(scores, interquartile_means, np.random.default_rng(0), confidence=0.99)
    assert wide[0] < narrow[0] < interquartile_mean(scores) < narrow[1] < wide[1]
    assert wide == bootstrap_interval(scores, interquartile_means, np.random.default_rng(0), confidence=0.99)


def test_summary_of_one_run_has_no_spread() -> None:
    summary = summarise([[2.0]], np.random.default_rng(0))
    assert (summary.count, summary.mean, summary.iqm) == (1, 2.0, 2.0)
    assert summary.std is summary.low is summary.high is None


def test_summary(scores: np.ndarray) -> None:
    summary = summarise(scores, np.random.default_rng(0))
    assert (summary.count, summary.minimum, summary.maximum) == (12, scores.min(), scores.max())
    assert summary.low is not None
    assert summary.high is not None
    assert summary.low < summary.iqm < summary.high


def test_share_of_distance() -> None:
    assert [share_of_distance(score, -70.0, -10.0) for score in (-70.0, -40.0, -10.0)] == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="no distance"):
        share_of_distance(1.0, 2.0, 2.0)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [], [[]], [[np.nan]], [[np.inf]], [[[1.0]]]])
def test_scores_of_another_shape_or_not_finite_are_refused(wrong: list) -> None:
    with pytest.raises(ValueError, match="scores must be"):
        mean(wrong)


def test_arguments_out_of_range_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match="confidence=1"):
        bootstrap_interval(scores, means, np.random.default_rng(0), confidence=1.0)
    with pytest.raises(ValueError, match="replicates=0"):
        bootstrap_interval(scores, means, np.random.default_rng(0), replicates=0)
    with pytest.raises(ValueError, match="at least 2 runs"):
        std([[1.0]])


def test_t_interval_by_hand() -> None:
    # Mean 2, standard error 1 / sqrt(3), t of two degrees of freedom at 97.5% 4.3027.
    assert t_interval([[1.0], [2.0], [3.0]]) == pytest.approx((2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), abs=1e-4)


def test_t_interval_of_three_runs_is_scipys() -> None:
    column = np.random.default_rng(0).normal(size=(3, 1))
    theirs = scipy_stats.ttest_1samp(column[:, 0], 0.0).confidence_interval(0.9)
    assert t_interval(column, 0.9) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("runs", [2, 5, 9, 10, 20])
def test_the_interval_is_the_bootstraps_from_ten_runs_on(runs: int) -> None:
    column = np.random.default_rng(runs).normal(size=(runs, 1))
    expected = (
        t_interval(column) if runs < 10 else bootstrap_interval(column, interquartile_means, np.random.default_rng(0))
    )
    assert iqm_interval(column, np.random.default_rng(0)) == expected


def test_rate_interval_is_clopper_and_pearsons() -> None:
    # None of 30: 1 - (alpha / 2)^(1 / 30).
    assert rate_interval(0, 30) == pytest.approx((0.0, 1 - 0.025 ** (1 / 30)))
    assert rate_interval(30, 30) == pytest.approx((0.025 ** (1 / 30), 1.0))
    low, high = rate_interval(3, 26)
    assert (low, high) == pytest.approx((scipy_stats.beta.ppf(0.025, 3, 24), scipy_stats.beta.ppf(0.975, 4, 23)))


@pytest.mark.parametrize(("events", "runs"), [(-1, 3), (4, 3), (0, 0)])
def test_counts_that_are_no_rate_are_refused(events: int, runs: int) -> None:
    with pytest.raises(ValueError, match="must be 0 to runs"):
        rate_interval(events, runs)
