"""The sentence that says whether learning on a metric beat what it is compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.analysis.gains import gain
from benchmarks.analysis.load import collect
from benchmarks.analysis.verdicts import verdicts
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Point, Result
from benchmarks.store.run_folder import write_json

LABELS = ("Longer", "Better", "Worse", "Alike", "Other")
EXPERIMENT = Experiment(
    "made-up",
    "made up",
    "TextGen-Tiny-v0",
    tuple(Algorithm(label, "uniform") for label in LABELS),
    seeds=(0, 1, 2),
    goal="",
    compared_with="Longer",
    metric="greedy_bleu",
    learners=("Better", "Worse", "Alike"),
    costs=("nll_test", "distinct_2"),
)
RESULT = Result((Point(0, 0, 0.0, 0.0),), 0.0, 0.0, {}, {}, (), {}, {}, None, (), 0.0, {})
METRIC = {"Longer": 0.5, "Better": 0.75, "Worse": 0.25, "Alike": 0.5, "Other": 0.9}
SPREAD = {"Alike": 0.1}


def made(out: Path, experiment: Experiment, metric: str = "greedy_bleu", sign: int = 1) -> str:
    asked = runs_of(experiment)
    Manifest.of(experiment, asked).write(out / experiment.name)
    for run in asked:
        label = run.algorithm.label
        if label not in METRIC:
            continue
        value = sign * (METRIC[label] + SPREAD.get(label, 0.01) * (run.seed - 1))
        costs = {"nll_test": 2.0 if label == "Better" else 1.0}
        write_json(out / run.name / "config.json", run.to_config())
        write_json(out / run.name / "result.json", replace(RESULT, measures={metric: value, **costs}).to_json())
    collected = collect(out / experiment.name)
    found = gain(collected)
    assert [each.sentence for each in verdicts(collected)] == ([found] if found else [])
    return found


def test_each_learner_is_ahead_behind_or_not_told_apart_and_costs_are_said(tmp_path: Path) -> None:
    # Of means 0.01 / sqrt(3) apart, the standard error is 0.0082, t's quantile at 4 degrees of freedom 2.776.
    assert made(tmp_path, EXPERIMENT) == (
        "Learning on the metric beat Longer, with greedy BLEU 0.500, in 1 of 3 algorithms; "
        "ahead: Better +0.250 (95% interval +0.227 to +0.273, Holm's p 2e-05) at NLL_test +1.000; "
        "behind: Worse -0.250 (95% interval -0.273 to -0.227, Holm's p 2e-05) at NLL_test +0.000; "
        "not told apart: Alike +0.000 (95% interval -0.245 to +0.245, Holm's p 1) at NLL_test +0.000."
    )


def test_of_an_error_rate_less_is_more(tmp_path: Path) -> None:
    said = made(tmp_path, replace(EXPERIMENT, metric="greedy_wer"), "greedy_wer", sign=-1)
    assert "greedy WER -0.500, in 1 of 3 algorithms; ahead: Better -0.250" in said


def test_where_nobody_is_ahead_it_says_so(tmp_path: Path) -> None:
    said = made(tmp_path, replace(EXPERIMENT, learners=("Worse", "Alike")))
    assert said.startswith(
        "Learning on the metric beat Longer, with greedy BLEU 0.500, in none of its algorithms; behind"
    )


def test_without_a_value_nothing_is_known_and_without_a_metric_nothing_is_said(tmp_path: Path) -> None:
    assert made(tmp_path, EXPERIMENT, "entropy") == (
        "Whether learning on the metric beat Longer is not known: one of the two has no value."
    )
    assert made(tmp_path, replace(EXPERIMENT, metric="")) == ""


def test_one_run_tells_nothing_apart(tmp_path: Path) -> None:
    assert made(tmp_path, replace(EXPERIMENT, seeds=(0,))) == (
        "Whether learning on the metric beat Longer is not known: one seed is one observation, and a test needs at "
        "least two of both."
    )


def test_a_learner_without_results_is_not_tested(tmp_path: Path) -> None:
    rows = (*EXPERIMENT.algorithms, Algorithm("Absent", "uniform"))
    said = made(tmp_path, replace(EXPERIMENT, algorithms=rows, learners=("Better", "Absent")))
    assert "in 1 of 2 algorithms; ahead: Better" in said
    assert said.endswith("; not tested: Absent without a result.")


def test_learners_are_algorithms() -> None:
    with pytest.raises(ValueError, match="'Nobody' is no algorithm; there are Longer"):
        replace(EXPERIMENT, learners=("Nobody",))
