"""Tables 2 to 4: their rows, their measures, and that they run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.analysis.load import collect
from benchmarks.catalogue import load_sizes
from benchmarks.experiments import table4
from support.tiny_experiment import do

ROWS = ["Uniform", "MLE", *(f"MLE-T{t}" for t in ("0.5", "0.75", "0.9", "1.1", "1.25", "1.5"))]
ROWS += ["SeqGAN", "SeqGAN-steady", "Constant"]


@pytest.mark.parametrize(
    ("name", "game", "order"), [("table2", "Poems", 2), ("table3", "Speeches", 3), ("table4", "Music", 4)]
)
def test_rows_and_measures(name: str, game: str, order: int) -> None:
    sizes = load_sizes(name)
    assert list(sizes) == ["small", "cpu"]
    for size, experiment in sizes.items():
        assert experiment.name == f"{name}-{size}"
        assert [each.label for each in experiment.algorithms] == ROWS
        assert experiment.env_id == f"TextGen-{game}-v0"
        assert experiment.evaluation.measures[:2] == (f"bleu_{order}", f"nltk_bleu_{order}")
        assert ("pitch_error" in experiment.evaluation.measures) == (game == "Music")
        rows = {each.label: each for each in experiment.algorithms}
        assert all(rows[label].init_from == "MLE" for label in ROWS[2:])
        # The control takes as many steps of the generator, and its one continuation costs nothing.
        assert rows["Constant"].hyperparameters["d_steps"] == 0
        assert rows["SeqGAN"].env_id == rows["SeqGAN-steady"].env_id == f"TextGen-{game}GAN-v0"


def test_the_table_runs(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_DATA", str(data_dir))
    size = replace(
        table4.SMALL,
        texts=64,
        mle_epochs=1,
        g_steps=1,
        d_samples=64,
        d_pretrain_steps=1,
        rollouts=1,
        points=1,
        episodes=16,
        final_episodes=16,
    )
    experiment = size.experiment("table4-tiny", "a test")
    kept = ("MLE", "MLE-T0.5", "SeqGAN", "Constant")
    experiment = replace(
        experiment, algorithms=tuple(each for each in experiment.algorithms if each.label in kept), seeds=(0,)
    )
    do(experiment, tmp_path)
    found = collect(tmp_path / "table4-tiny")
    assert [row.count for row in found.algorithms] == ["1/1"] * 4
    for result in found.results:
        assert {"bleu_4", "nltk_bleu_4", "pitch_error", "nll_test"} <= result.measures.keys()
