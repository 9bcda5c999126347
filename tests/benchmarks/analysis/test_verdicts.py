"""Verdicts count every run that was asked for: a row is not met by those of its runs that survived."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.analysis.load import collect
from benchmarks.analysis.verdicts import Verdict, verdicts
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Failure, Measurement, Point, Reference, Result
from benchmarks.store.run_folder import write_json

AGENT = "uniform"
EXPERIMENT = Experiment(
    "made-up",
    "made up",
    "TextGen-Tiny-v0",
    (Algorithm("Start", AGENT), Algorithm("Good", AGENT, 100), Algorithm("Free", AGENT, 100)),
    seeds=(0, 1, 2),
    baseline="Start",
    goal="optimum",
    expected_shares={"Good": 0.5},
)
POINT = Point(0, 0, 0.0, 0.0)
RESULT = Result((POINT,), 0.0, 0.0, {}, {}, (), {}, {"optimum": Reference("best text", 10.0)}, None, (), 0.0, {})
FAILED = Failure("RuntimeError: gone wrong")
DIVERGED = Failure("FloatingPointError: loss is nan", "", (POINT,), Measurement(POINT, 1.0, {}, {}))


def found(out: Path, experiment: Experiment, **runs: list[float | Failure | None]) -> list[Verdict]:
    """Of rows whose runs returned so much, with KL a tenth of it, or ended in an error, or are not started (None)."""
    asked = runs_of(experiment)
    folder = out / experiment.name
    Manifest.of(experiment, asked).write(folder)
    for run in asked:
        became = runs[run.algorithm.label][run.seed]
        if became is not None:
            write_json(out / run.name / "config.json", run.to_config())
        if isinstance(became, Failure):
            write_json(out / run.name / "error.json", became.to_json())
        elif became is not None:
            result = replace(RESULT, mean_return=became, measures={"kl_soft": became / 10})
            write_json(out / run.name / "result.json", result.to_json())
    return verdicts(collect(folder))


def test_a_row_is_missed_by_each_run_that_broke(tmp_path: Path) -> None:
    good, free = found(
        tmp_path, EXPERIMENT, Start=[0, 0, 0], Good=[9, DIVERGED, DIVERGED], Free=[FAILED, 4.0, DIVERGED]
    )
    assert good.sentence == (
        "Good closed 90% of the distance between Start (0.00) and the best text (10.00), but 1 of 3 runs finished, "
        "2 diverged; at least 50% is expected: MISSED."
    )
    assert good.met is False
    assert free.sentence.endswith("the best text (10.00), but 1 of 3 runs finished, 1 failed, 1 diverged.")
    assert free.met is None


def test_runs_that_are_not_started_are_no_fault_but_are_named(tmp_path: Path) -> None:
    good, free = found(tmp_path, EXPERIMENT, Start=[0, 0, None], Good=[9, None, None], Free=[4, 4, 4])
    assert good.sentence == (
        "Good closed 90% of the distance between Start (0.00, over 2 of 3 runs) and the best text (10.00), over 1 of 3 "
        "runs; at least 50% is expected: met."
    )
    assert free.sentence.endswith("the best text (10.00).")


@pytest.mark.parametrize(
    ("became", "said"),
    [(DIVERGED, "3 diverged"), (FAILED, "3 failed"), (None, "3 missing")],
    ids=["diverged", "failed", "missing"],
)
def test_a_row_without_results_is_missed(tmp_path: Path, became: Failure | None, said: str) -> None:
    (good,) = found(tmp_path, EXPERIMENT, Start=[0, 0, 0], Good=[became] * 3, Free=[None] * 3)
    assert good.sentence == f"Good has no result: 0 of 3 runs finished, {said}; at least 50% is expected: MISSED."
    assert good.met is False


def test_without_its_baseline_an_expected_share_is_missed(tmp_path: Path) -> None:
    (good,) = found(tmp_path, EXPERIMENT, Start=[FAILED] * 3, Good=[9, 9, 9], Free=[4, 4, 4])
    assert good.sentence == (
        "Good has no share of the goal: Start, which it is counted from, has no result, 0 of 3 runs finished, "
        "3 failed; at least 50% is expected: MISSED."
    )
    assert good.met is False


def test_without_a_goal_or_a_distance_to_it_an_expected_share_is_missed(tmp_path: Path) -> None:
    elsewhere = replace(EXPERIMENT, goal="nowhere")
    (good,) = found(tmp_path / "a", elsewhere, Start=[0, 0, 0], Good=[9, 9, 9], Free=[4, 4, 4])
    assert "no run says what the goal is worth" in good.sentence
    (there,) = found(tmp_path / "b", EXPERIMENT, Start=[10, 10, 10], Good=[9, 9, 9], Free=[4, 4, 4])
    assert "the best text is worth 10.00, where the counting starts" in there.sentence
    assert (good.met, there.met) == (False, False)


def test_what_should_be_small_is_asked_of_every_run(tmp_path: Path) -> None:
    bars = replace(EXPERIMENT, baseline="", expected_shares={}, at_most={"kl_soft": dict.fromkeys(("Good", "Free"), 2)})
    good, free = found(tmp_path / "a", bars, Start=[0, 0, 0], Good=[1, 1, DIVERGED], Free=[1, None, None])
    assert good.sentence == (
        "Good has KL(agent‖soft optimum) 0.1000, but 2 of 3 runs finished, 1 diverged; at most 2 is expected: MISSED."
    )
    assert free.sentence == "Free has KL(agent‖soft optimum) 0.1000, over 1 of 3 runs; at most 2 is expected: met."
    good, free = found(tmp_path / "b", bars, Start=[0, 0, 0], Good=[DIVERGED] * 3, Free=[None] * 3)
    assert good.sentence == "Good has no result: 0 of 3 runs finished, 3 diverged; at most 2 is expected: MISSED."
    assert (good.met, free.met) == (False, False)


def test_of_ten_runs_and_more_the_rate_of_those_that_miss_is_said(tmp_path: Path) -> None:
    scores: list[Any] = [9.0] * 8 + [4.0, FAILED]
    experiment = replace(EXPERIMENT, seeds=tuple(range(10)))
    good, _ = found(tmp_path, experiment, Start=[0] * 10, Good=scores, Free=[4] * 10)
    assert "; 2 of 10 runs are below 50% (95% interval of the rate: 2.5% to 55.6%); at least 50%" in good.sentence
