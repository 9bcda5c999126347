"""Aggregates against rliable, closed forms and enumeration."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.analysis.aggregates import (
    AGGREGATES,
    aggregate,
    aggregate_intervals,
    improvement_interval,
    improvement_probabilities,
    improvement_probability,
    optimality_gaps,
    performance_profile,
    profile_band,
    resampled,
)
from benchmarks.analysis.statistics import interquartile_means

# Inputs, and what rliable (its version beside them) makes of them: rliable.metrics and rliable.library.
RLIABLE: dict[str, Any] = json.loads((Path(__file__).parent / "rliable.json").read_text(encoding="utf-8"))
X, Y = np.array(RLIABLE["x"]), np.array(RLIABLE["y"])


@pytest.mark.parametrize(("name", "scores"), [("x", X), ("y", Y)])
def test_aggregates_are_those_of_rliable(name: str, scores: np.ndarray) -> None:
    expected = RLIABLE["aggregates"][name]
    for statistic, function in AGGREGATES.items():
        assert aggregate(scores, function) == pytest.approx(expected[statistic], abs=1e-12)
    assert optimality_gaps(scores[None], 0.5)[0] == pytest.approx(expected["optimality_gap_half"], abs=1e-12)


def test_the_probability_of_improvement_is_that_of_rliable() -> None:
    assert np.isin(X, Y).any(), "ties are among them"
    assert improvement_probability(X, Y) == pytest.approx(RLIABLE["probability_of_improvement"], abs=1e-12)


def test_profiles_are_those_of_rliable() -> None:
    found = performance_profile(X, RLIABLE["thresholds"])
    assert found.tolist() == pytest.approx(RLIABLE["run_score_profile"]["x"], abs=1e-12)


@pytest.mark.parametrize(("key", "over_tasks"), [("runs", False), ("runs_and_tasks", True)])
def test_intervals_are_those_of_rliable(key: str, over_tasks: bool) -> None:
    expected = RLIABLE["intervals"]
    found = aggregate_intervals(X, np.random.default_rng(0), replicates=40_000, over_tasks=over_tasks)
    for name, ends in zip(expected["statistics"], expected[key], strict=True):
        # Both are quantiles of 40,000 draws; a quantile's standard error is sqrt(0.025 * 0.975 / 40000) over the
        # density there, of normal draws 1.3% of their spread.
        spread = (ends[1] - ends[0]) / 3.92
        assert found[name] == pytest.approx(ends, abs=5 * 2**0.5 * 0.0134 * spread), name


def test_the_interval_of_improvement_is_that_of_rliable() -> None:
    ends = RLIABLE["intervals"]["probability_of_improvement"]
    found = improvement_interval(X, Y, np.random.default_rng(0), replicates=20_000)
    spread = (ends[1] - ends[0]) / 3.92
    # As above, with half as many draws, of which each is a multiple of 1 / 280.
    assert found == pytest.approx(ends, abs=5 * 2 * 0.0134 * spread + 1 / 280)


def test_improvement_counts_pairs_and_ties_by_half() -> None:
    scores, others = np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[2.0, 0.0], [1.0, 1.0]])
    # The first task: 1 against 2 and 1 is a loss and a tie, 3 wins twice; the second: two ties, two losses.
    assert improvement_probability(scores, others) == pytest.approx(((0.5 + 2) / 4 + (0.5 + 0.5) / 4) / 2)
    assert improvement_probability(scores, others) + improvement_probability(others, scores) == pytest.approx(1.0)


def test_the_gap_takes_no_comfort_in_what_lies_above() -> None:
    assert aggregate([[0.5, 3.0], [1.0, 0.0]], optimality_gaps) == pytest.approx((0.5 + 0 + 0 + 1) / 4)


def test_the_bootstrap_is_that_of_all_tables() -> None:
    """Of two runs on two tasks there are sixteen equally likely tables."""
    scores = np.array([[0.0, 10.0], [1.0, 30.0]])
    every = [
        [scores[a, 0] + scores[b, 0], scores[c, 1] + scores[d, 1]] for a, b, c, d in itertools.product((0, 1), repeat=4)
    ]
    tables = np.concatenate(list(resampled(scores, np.random.default_rng(0), 40_000)))
    assert tables.shape == (40_000, 2, 2)
    sums, counts = np.unique(tables.sum(1), axis=0, return_counts=True)
    expected = {tuple(each): every.count(each) / 16 for each in every}
    assert {tuple(each) for each in sums.tolist()} == expected.keys()
    for each, count in zip(sums.tolist(), counts, strict=True):
        # Five standard errors of a share.
        assert count / 40_000 == pytest.approx(expected[tuple(each)], abs=5 * 0.5 / 200)


def test_drawing_tasks_takes_whole_columns() -> None:
    scores = np.array([[0.0, 10.0, 20.0], [1.0, 11.0, 21.0]])
    tables = np.concatenate(list(resampled(scores, np.random.default_rng(0), 500, over_tasks=True)))
    columns = tables // 10
    assert (columns == columns[:, :1]).all(), "a column is of one task"
    assert np.unique(columns[:, 0], axis=0).shape[0] == 27, "and all combinations come up"


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few tables are held at a time, there are as many, and each is drawn."""
    monkeypatch.setattr("benchmarks.analysis.aggregates.MOST_AT_ONCE", 70)
    assert [len(part) for part in resampled(X, np.random.default_rng(0), 8)] == [3, 3, 2]
    found = aggregate_intervals(X, np.random.default_rng(0), {"iqm": interquartile_means}, replicates=2_000)["iqm"]
    expected = RLIABLE["intervals"]["runs"][0]
    assert found == pytest.approx(expected, abs=5 * 0.06 * (expected[1] - expected[0]) / 3.92)
    assert improvement_interval(X, Y, np.random.default_rng(0), replicates=50)[0] < improvement_probability(X, Y)


def test_profiles_fall_and_lie_in_their_bands() -> None:
    thresholds = np.linspace(-1, 2, 31)
    found = performance_profile(X, thresholds)
    low, high = profile_band(X, thresholds, np.random.default_rng(0), replicates=500)
    assert (np.diff(found) <= 0).all()
    assert (found[0], found[-1]) == (1.0, 0.0)
    assert (low <= found).all()
    assert (found <= high).all()
    assert (high - low).max() > 0.1
    direct = [
        performance_profile(table, thresholds)
        for table in np.concatenate(list(resampled(X, np.random.default_rng(0), 500)))
    ]
    assert np.allclose(np.quantile(direct, 0.025, axis=0), low)


def test_one_run_has_no_spread() -> None:
    assert aggregate_intervals([[0.3]], np.random.default_rng(0), replicates=10)["iqm"] == (0.3, 0.3)


@pytest.mark.parametrize("scores", [[], [1.0], [[np.nan]], np.zeros((0, 3))])
def test_what_is_no_table_is_refused(scores: Any) -> None:
    with pytest.raises(ValueError, match="scores must be"):
        aggregate_intervals(scores, np.random.default_rng(0))
    with pytest.raises(ValueError, match="scores must be"):
        improvement_probability(scores, scores)


def test_other_tasks_and_arguments_out_of_range_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="compare on the tasks that both have"):
        improvement_probability(X, Y[:, :2])
    with pytest.raises(ValueError, match="confidence=1"):
        aggregate_intervals(X, rng, confidence=1)
    with pytest.raises(ValueError, match="replicates=0"):
        profile_band(X, [0.0], rng, replicates=0)


def test_batches_are_what_single_tables_are() -> None:
    tables = np.stack([X, X[::-1] ** 2])
    for statistic in AGGREGATES.values():
        assert statistic(tables) == pytest.approx([aggregate(each, statistic) for each in tables])
    both = improvement_probabilities(tables, np.stack([Y, Y * 2]))
    assert both == pytest.approx([improvement_probability(X, Y), improvement_probability(tables[1], Y * 2)])
