"""The interval that tables print holds what it should as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.analysis.coverage import COVERAGE, DISTRIBUTIONS, RUNS, measured, said

# Three standard errors of a share of 1,500 and of the 4,000 that it is compared with.
WITHIN = 3 * np.sqrt(0.25 * 0.5 * (1 / 1_500 + 1 / 4_000))


@pytest.mark.parametrize("runs", [2, 3, 5, 8])
@pytest.mark.parametrize("name", ["normal", "1 run of 2 lower"])
def test_the_coverage_that_is_printed_is_measured(name: str, runs: int) -> None:
    found = measured(DISTRIBUTIONS[name], runs, np.random.default_rng(5), 1_500)
    assert found == pytest.approx(COVERAGE[name][RUNS.index(runs)], abs=WITHIN)


def test_the_bootstraps_coverage_is_measured() -> None:
    found = measured(DISTRIBUTIONS["normal"], 10, np.random.default_rng(5), 300)
    assert found == pytest.approx(COVERAGE["normal"][RUNS.index(10)], abs=0.06)


def test_every_distribution_is_in_the_table() -> None:
    assert COVERAGE.keys() == DISTRIBUTIONS.keys()
    assert {len(shares) for shares in COVERAGE.values()} == {len(RUNS)}
    assert all(share > 0.92 for share in COVERAGE["normal"]), "normal scores are held about as often as is said"


def test_the_note_names_method_and_coverage() -> None:
    assert said(3).startswith("by Student's t, whose measured coverage with 3 runs is 9")
    assert said(9).startswith("by Student's t, whose")
    assert said(30).startswith("by stratified bootstrap over runs, whose measured coverage with 20 runs is 9")
    assert "at worst of six distributions (1 run of 2 lower)" in said(4)
