"""The point of the curve that is best by validation, on texts that nothing else is measured on."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from agents.imitation.mle import MLE
from benchmarks.analysis.load import collect
from benchmarks.evaluation.evaluator import best_point, texts_to_test_on, texts_to_validate_on
from benchmarks.report.document import document
from benchmarks.report.files import markdown, table_csv
from benchmarks.report.terminal import show
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.store.results import Point, Result
from benchmarks.store.run_folder import read_state
from support.html_pages import page_of
from textgen_env.tasks.oracle import OracleTask
from textgen_env.tasks.tiny import TinyTask

SMALL = {"vocab_size": 8, "max_length": 3, "train_size": 40, "test_size": 40}
# Few texts, learned by heart: it is soon worse on others.
ROW = Algorithm("MLE", "mle", 6_000, hyperparameters={"hidden_size": 32, "learning_rate": 0.05}, num_envs=8)
EVALUATION = Evaluation(6, 8, 16, 30, 1, ("nll_test", "entropy"), validation="nll", validation_texts=15)
EXPERIMENT = Experiment("x", "d", "TextGen-OracleSmall-v0", (ROW,), SMALL, (0,), EVALUATION)


def done(out: Path, experiment: Experiment = EXPERIMENT) -> Result:
    run_experiment(experiment, out, 0, lambda event: None, notify=lambda words: None)
    state = read_state(out / "x" / experiment.algorithms[0].label / "seed-0")
    assert state.result is not None, state.error
    return state.result


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished experiment; not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    done(folder)
    return folder


def test_the_best_point_is_measured_like_the_last(out: Path) -> None:
    result = read_state(out / "x" / "MLE" / "seed-0").result
    assert result is not None
    found = [point.measures["validation_nll"] for point in result.curve]
    best = int(np.argmin(found))
    assert 0 < best < len(result.curve) - 1
    assert result.best is not None
    assert result.best.point == result.curve[best]
    assert result.best.measures.keys() == result.measures.keys()
    # The agent that is left is the one that was measured, on test texts that were not validated on.
    agent = MLE.load(out / "x" / "MLE" / "seed-0" / "best.safetensors")
    task = OracleTask(**SMALL)
    every = task.test_sequences()
    assert -agent.log_prob(every.tokens[:25]).mean() / 3 == pytest.approx(result.best.measures["nll_test"], rel=1e-5)
    assert -agent.log_prob(every.tokens[25:]).mean() / 3 == pytest.approx(found[best], rel=1e-5)
    last = MLE.load(out / "x" / "MLE" / "seed-0" / "agent.safetensors")
    assert -last.log_prob(every.tokens[:25]).mean() / 3 == pytest.approx(result.measures["nll_test"], rel=1e-5)


def test_the_end_of_training_may_be_best(tmp_path: Path) -> None:
    result = done(tmp_path, replace(EXPERIMENT, algorithms=(replace(ROW, total_tokens=240),)))
    assert result.best is not None
    assert result.best.point == result.curve[-1]
    assert (result.best.mean_return, result.best.measures) == (result.mean_return, result.measures)
    left = [tmp_path / "x" / "MLE" / "seed-0" / f"{name}.safetensors" for name in ("agent", "best")]
    assert left[0].read_bytes() == left[1].read_bytes()


def test_it_is_shown_beside_the_end(out: Path) -> None:
    collected = collect(out / "x")
    (result,) = collected.results
    assert result.best is not None
    found = document(collected)
    table = found.best
    assert table is not None
    assert table.heads == ("agent", "runs", "return", "NLL_test", "entropy", "NLL_validation", "tokens")
    measured = [result.best.measures["nll_test"], result.best.measures["entropy"]]
    chosen = result.best.point.measures["validation_nll"]
    assert table.texts[0][:6] == (
        "MLE",
        "1",
        f"{result.best.mean_return:.2f}",
        *(f"{x:.3f}" for x in (*measured, chosen)),
    )
    console = Console(width=200, record=True, file=io.StringIO())
    show(found, console)
    for text in (console.export_text(), markdown(found), page_of(out / "x")):
        assert "Best by validation" in text
    lines = {line["measure"]: line for line in csv.DictReader(io.StringIO(table_csv(found.numbers)))}
    assert float(lines["nll_test"]["best_by_validation"]) == result.best.measures["nll_test"]
    assert float(lines["nll_test"]["mean"]) == result.measures["nll_test"]


def test_rows_that_are_not_kept_or_not_trained_have_no_best(tmp_path: Path) -> None:
    sb3 = Algorithm("A2C", "stable_baselines3:A2C", 64, kind="sb3", num_envs=8)
    result = done(tmp_path, replace(EXPERIMENT, algorithms=(sb3, Algorithm("Random", "uniform", num_envs=8))))
    assert result.best is None
    assert all("validation_nll" in point.measures for point in result.curve)
    assert document(collect(tmp_path / "x")).best is None


def test_less_is_better_or_more_and_the_first_of_equals() -> None:
    def points(name: str, *values: float) -> list[Point]:
        return [Point(n, 0, 0.0, 0.0, measures={name: value}) for n, value in enumerate(values)]

    assert best_point(points("validation_nll", 3.0, 1.0, 2.0, 1.0), "nll") == 1
    assert best_point(points("validation_bleu_2", 0.1, 0.3, 0.3, 0.2), "bleu_2") == 1
    assert best_point([Point(0, 0, 0.0, 0.0), *points("validation_nll", 3.0)], "nll") == 1
    assert best_point(points("nll_oracle", 3.0), "nll") is None


def test_test_texts_and_validation_texts_are_apart() -> None:
    task = OracleTask(**SMALL)
    every = {tuple(text) for text in task.test_sequences().tokens.tolist()}
    tested, validated = texts_to_test_on(task, 1_000, 15), texts_to_validate_on(task, 15)
    assert tested is not None
    assert validated is not None
    np.testing.assert_array_equal(np.concatenate([tested.tokens, validated.tokens]), task.test_sequences().tokens)
    assert len(every) > 15
    few = texts_to_test_on(task, 10, 15)
    assert few is not None
    np.testing.assert_array_equal(few.tokens, tested.tokens[:10])
    with pytest.raises(ValueError, match="validation_texts=40 leaves nothing of the task's 40 test texts"):
        texts_to_validate_on(task, 40)


@pytest.mark.parametrize("name", ["nll_oracle", "kl_forward", "nope"])
def test_what_asks_the_oracle_validates_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"validation='{name}' must be one of nll, bleu_2"):
        replace(EVALUATION, validation=name)


def test_a_task_without_test_data_has_none() -> None:
    class Bare(TinyTask):
        def test_sequences(self) -> None:  # type: ignore[override]
            raise ValueError("none")

    assert texts_to_test_on(Bare(), 10) is None
    assert texts_to_validate_on(Bare(), 10) is None
