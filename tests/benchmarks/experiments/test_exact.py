"""Every row of the experiment `exact` runs, and has the exact measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.analysis.load import collect
from benchmarks.experiments.exact import EXPERIMENT, RETURN, RETURN_BAR, SOFT, SOFT_BAR
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Evaluation

MOMENT = 400


def test_every_row_runs_and_is_measured_exactly(tmp_path: Path) -> None:
    rows = []
    for row in EXPERIMENT.algorithms:
        settings = dict(row.hyperparameters)
        if "learning_starts" in settings:
            settings["learning_starts"] = 64
        rows.append(replace(row, total_tokens=min(MOMENT, row.total_tokens), hyperparameters=settings))
    evaluation = Evaluation(points=1, episodes=16, final_episodes=64, measures=EXPERIMENT.evaluation.measures)
    run_experiment(
        replace(EXPERIMENT, algorithms=tuple(rows), seeds=(100,), evaluation=evaluation),
        tmp_path,
        0,
        print,
        notify=print,
    )
    collected = collect(tmp_path / "exact")
    for row in collected.algorithms:
        (result,) = row.results
        assert result.references["optimum"].value == pytest.approx(5.4119, abs=1e-4)
        assert result.errors["optimum_share"] == 0, row.label
        # The share is of the same policy whose texts were played; their returns spread by some 2.
        drawn = result.mean_return / result.references["optimum"].value
        assert result.measures["optimum_share"] == pytest.approx(drawn, abs=0.25), row.label
        assert result.measures["kl_soft"] > 0


def test_every_row_but_random_has_its_bar() -> None:
    labels = {row.label for row in EXPERIMENT.algorithms} - {"Random"}
    assert dict(EXPERIMENT.expected_shares) == {row.label: RETURN_BAR for row in RETURN}
    assert EXPERIMENT.at_most == {"kl_soft": {row.label: SOFT_BAR for row in SOFT}}
    assert labels == EXPERIMENT.expected_shares.keys() | EXPERIMENT.at_most["kl_soft"].keys()
    assert (RETURN_BAR, SOFT_BAR, EXPERIMENT.threshold, len(EXPERIMENT.seeds)) == (0.98, 0.02, 0.95, 10)
