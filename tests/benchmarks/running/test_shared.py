"""Rows whose runs are another experiment's: done once, whichever asks first, and reported in both."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.analysis.load import collect
from benchmarks.experiments import columns, figure2, figure3, table1
from benchmarks.report.report import report
from benchmarks.running.scheduler import ConfigMismatch, run_experiment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, runs_of
from support.html_pages import Page, page_of

TABLE = Experiment(
    name="table",
    description="a test",
    env_id="TextGen-Tiny-v0",
    algorithms=(
        Algorithm("MLE", "mle", 500, num_envs=8),
        Algorithm("Random", "uniform", num_envs=8),
    ),
    seeds=(0,),
    evaluation=Evaluation(points=2, episodes=16, final_episodes=16, measures=("nll_test",)),
)
WARM = Algorithm("Warm", "mle", 500, num_envs=8, init_from="MLE")
FIGURE = replace(TABLE, name="figure", algorithms=(TABLE.algorithms[0], WARM), shared={"MLE": "table"})


def done(experiment: Experiment, out: Path) -> list[str]:
    """The runs that were done for it."""
    events: list[str] = []

    def listen(event: object) -> None:
        if event.kind in ("finished", "failed"):  # type: ignore[attr-defined]
            events.append(f"{event.run.name}: {event.kind}")  # type: ignore[attr-defined]

    run_experiment(experiment, out, 0, listen, notify=lambda words: None)
    return events


@pytest.mark.parametrize("first", [TABLE, FIGURE])
def test_a_shared_run_is_done_once(first: Experiment, tmp_path: Path) -> None:
    second = FIGURE if first is TABLE else TABLE
    events = done(first, tmp_path) + done(second, tmp_path)
    assert sorted(events) == [
        "figure/Warm/seed-0: finished",
        "table/MLE/seed-0: finished",
        "table/Random/seed-0: finished",
    ]
    table, figure = (collect(tmp_path / name) for name in ("table", "figure"))
    assert [row.label for row in table.algorithms] == ["MLE", "Random"]
    assert [row.label for row in figure.algorithms] == ["MLE", "Warm"]
    assert [row.count for row in figure.algorithms] == ["1/1", "1/1"]
    assert figure.algorithms[0].results == table.algorithms[0].results
    assert figure.algorithms[0].records[0].name == "table/MLE/seed-0"
    # The other row goes on where the shared one ended.
    assert figure.algorithms[1].results[0].curve[0].tokens_read == table.algorithms[0].results[0].curve[-1].tokens_read
    assert "pre-training ends" in page_of(figure.folder)


def test_a_shared_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    done(TABLE, tmp_path)
    other = replace(FIGURE, algorithms=(replace(FIGURE.algorithms[0], total_tokens=600), WARM))
    with pytest.raises(
        ConfigMismatch, match=r"table/MLE/seed-0/config.json: algorithm.total_tokens: 500 there, 600 now"
    ):
        done(other, tmp_path)
    assert not (tmp_path / "figure").exists()


def test_shared_runs_are_found_from_inside_the_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done(FIGURE, tmp_path)
    monkeypatch.chdir(tmp_path / "figure")
    assert [row.count for row in collect(Path()).algorithms] == ["1/1", "1/1"]
    written = report(Path(), Console(file=io.StringIO()))
    assert written == tmp_path / "figure" / "report.html"
    assert "2 of 2 runs" in Page(written.read_text(encoding="utf-8")).text
    (tmp_path / "table" / "MLE" / "seed-0" / "result.json").write_text("{")
    (warning,) = collect(Path()).warnings
    assert warning.startswith("table/MLE/seed-0/result.json is broken")


def test_what_is_shared_is_a_row() -> None:
    with pytest.raises(ValueError, match="'Lost' is no algorithm; there are MLE, Warm"):
        replace(FIGURE, shared={"Lost": "table"})


@pytest.mark.parametrize("size", ["small", "cpu", "paper"])
def test_the_figures_share_the_runs_of_the_table(size: str) -> None:
    table, lines, strategies = (
        {(run.algorithm.label, run.seed): run for run in runs_of(experiments[size])}
        for experiments in (table1.EXPERIMENTS, figure2.EXPERIMENTS, figure3.EXPERIMENTS)
    )
    assert all(run == table[key] for key, run in lines.items())
    assert {label for label, _ in lines} >= {"MLE", "ScheduledSampling", "PG-BLEU", "SeqGAN"}
    assert strategies["MLE", 0] == table["MLE", 0]
    assert all(run.parent == table["MLE", run.seed] for (label, _), run in strategies.items() if label != "MLE")
    assert len({label for label, _ in strategies}) == 5


@pytest.mark.parametrize("size", ["small", "cpu", "paper"])
def test_figure_3s_strategies_differ_after_pre_training_alone(size: str) -> None:
    _, *strategies = figure3.EXPERIMENTS[size].algorithms
    assert len({(*row.hyperparameters.items(),) for row in strategies}) == 4
    before = [{**row.hyperparameters, "g_steps": 1, "d_steps": 1, "d_epochs": 1} for row in strategies]
    assert all(other == before[0] for other in before)
    assert before[0]["d_pretrain_epochs"] == 3, "as in the released code"
    assert all(row.env_kwargs == strategies[0].env_kwargs for row in strategies)


@pytest.mark.parametrize("size", ["small", "cpu", "paper"])
def test_twins_with_two_columns_differ_from_the_rows_of_table_and_figure_in_that_alone(size: str) -> None:
    ones = {
        (run.algorithm.label, run.seed): run
        for experiments in (table1.EXPERIMENTS, figure3.EXPERIMENTS)
        for run in runs_of(experiments[size])
    }
    found = {(run.algorithm.label, run.seed): run for run in runs_of(columns.EXPERIMENTS[size])}
    twins = {key: run for key, run in found.items() if key[0].endswith(columns.SUFFIX)}
    assert {key: run for key, run in found.items() if key not in twins}.items() <= ones.items()
    assert len({label for label, _ in twins}) == 2
    for (label, seed), twin in twins.items():
        one = ones[label.removesuffix(columns.SUFFIX), seed]
        assert twin.parent == one.parent
        assert twin.algorithm.hyperparameters == one.algorithm.hyperparameters
        assert twin.env_kwargs["reward"] == {**one.env_kwargs["reward"], "columns": 2}
