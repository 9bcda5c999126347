"""The intervals of a leaderboard hold what they should as often as its page says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.analysis.aggregate_coverage import (
    COVERAGE,
    FEW_TASKS,
    FEWER,
    KINDS,
    NAMES,
    REPLICATES,
    TASKS,
    measured,
    said,
)

FEW = 150


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tasks", [3, 10])
def test_the_coverage_that_is_printed_is_measured(kind: str, tasks: int) -> None:
    found = measured(tasks, KINDS[kind], np.random.default_rng(5), FEW, 300)
    for name in NAMES:
        share = COVERAGE[kind][name][TASKS.index(tasks)]
        # Four standard errors of both shares, and what 300 bootstrap samples in place of 1,000 may do.
        within = 4 * (0.25 * share * (1 - share) * 4 * (1 / FEW + 1 / REPLICATES)) ** 0.5 + 0.02
        assert found[name] == pytest.approx(share, abs=within), name


@pytest.mark.parametrize("runs", FEWER)
def test_the_coverage_with_fewer_runs_is_measured(runs: int) -> None:
    found = measured(FEW_TASKS, KINDS["normal"], np.random.default_rng(5), FEW, 300, runs)
    for name, share in FEWER[runs].items():
        within = 4 * (share * (1 - share) * (1 / FEW + 1 / REPLICATES)) ** 0.5 + 0.02
        assert found[name] == pytest.approx(share, abs=within), name


def test_the_table_is_whole() -> None:
    assert COVERAGE.keys() == KINDS.keys()
    for shares in COVERAGE.values():
        assert tuple(shares) == NAMES
        assert {len(each) for each in shares.values()} == {len(TASKS)}


def test_few_runs_on_one_task_are_held_less_often_than_is_said() -> None:
    """What the bootstrap is known for, and why the measured figure stands beside the interval."""
    assert max(COVERAGE[kind]["mean"][0] for kind in KINDS) < 0.86
    assert min(COVERAGE[kind]["mean"][place] for kind in KINDS for place in (2, 3, 4)) > 0.88


def test_the_note_names_every_aggregate() -> None:
    assert said(11).startswith("Measured coverage of these 95% intervals with 5 runs on 10 tasks, for normal scores")
    assert f"median {COVERAGE['normal']['median'][3]:.0%} and" in said(11)
    assert "with 5 runs on 20 tasks" in said(1_000)
    assert said(11, 2).startswith(
        "Measured coverage of these 95% intervals with 2 runs on 10 tasks, for normal scores: i"
    )
    assert f"median {FEWER[2]['median']:.0%}; " in said(11, 2)
