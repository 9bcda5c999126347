"""The comparison of likelihood and metric is a fair one, as far as its settings say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.experiments.metric import EXPERIMENTS, LEARNERS
from benchmarks.experiments.scratch import EXPERIMENT as SCRATCH
from benchmarks.measures.measures import MEASURES
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm, Experiment
from benchmarks.store.run_folder import read_state


@pytest.fixture(params=EXPERIMENTS)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return EXPERIMENTS[request.param]


def test_learners_and_control_begin_alike_and_spend_as_much(experiment: Experiment) -> None:
    rows = {each.label: each for each in experiment.algorithms}
    compared = [rows[label] for label in (*LEARNERS, experiment.compared_with)]
    assert {(each.init_from, each.init_at, each.total_tokens) for each in compared} == {
        ("MLE", "best", rows["SCST"].total_tokens)
    }
    assert experiment.learners == LEARNERS
    assert experiment.evaluation.validation == "nll"
    networks = [each.hyperparameters.get("attention") for each in experiment.algorithms]
    assert len(set(networks)) == 1, "networks of one shape"
    # Whoever learns, learns in the same environment, and is measured in another where there are sources to hold out.
    assert not any(each.env_id or each.env_kwargs for each in experiment.algorithms)
    conditional = experiment.env_id in ("TextGen-NumberWords-v0", "TextGen-Transcribe-v0")
    assert (experiment.evaluation.env_kwargs.get("split") == "test") == conditional


def test_metric_and_costs_are_measured(experiment: Experiment) -> None:
    assert {experiment.metric, *experiment.costs} <= set(experiment.evaluation.measures) <= set(MEASURES)


def test_a_row_of_scratch_has_all_that_the_row_above_has() -> None:
    def settings(row: Algorithm) -> dict[str, Any]:
        return {"agent": row.agent, **row.hyperparameters, **row.env_kwargs}

    added = [
        {name for name, value in settings(later).items() if settings(earlier).get(name) != value}
        for earlier, later in zip(SCRATCH.algorithms, SCRATCH.algorithms[1:], strict=False)
    ]
    assert added == [{"attention"}, {"reward", "reward_mode"}, {"discount", "entropy_weight"}, {"agent"}]
    kept = [
        settings(earlier).keys() <= settings(later).keys()
        for earlier, later in zip(SCRATCH.algorithms, SCRATCH.algorithms[1:], strict=False)
    ]
    assert all(kept)
    assert len({row.total_tokens for row in SCRATCH.algorithms}) == 1
    assert SCRATCH.evaluation.env_kwargs == {"split": "test"}


def test_numbers_are_learned_validated_and_decoded(tmp_path: Path) -> None:
    """Cut to some texts: a row of each kind runs, and is measured by all measures."""
    whole = EXPERIMENTS["numbers-small"]
    rows = {each.label: replace(each, total_tokens=min(each.total_tokens, 500)) for each in whole.algorithms}
    experiment = replace(
        whole,
        algorithms=(rows["MLE"], rows["PPO"]),
        compared_with="MLE",
        learners=("PPO",),
        evaluation=replace(whole.evaluation, points=1, episodes=4, final_episodes=8, test_texts=10, validation_texts=5),
    )
    run_experiment(experiment, tmp_path, 0, lambda event: None, seeds=(0,), notify=lambda words: None)
    for label in ("MLE", "PPO"):
        state = read_state(tmp_path / "metric-numbers-small" / label / "seed-0")
        assert state.result is not None, state.error
        assert set(state.result.measures) == set(whole.evaluation.measures)
