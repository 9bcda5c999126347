"""Files that environments read: refused before anything is done where they are missing, compared by what they hold."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import catalogue
from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.running.scheduler import ConfigMismatch, run_experiment
from benchmarks.specs import experiment as specs
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, runs_of, settings_digest
from benchmarks.specs.file_digests import by_content, digests, paths_in, refuse_missing
from benchmarks.store.run_folder import read_json
from support.language_models import oracle_arrays
from support.tiny_experiment import do
from textgen_env.tasks.oracle import random_oracle

SIZES: dict[str, Any] = {"max_length": 3, "train_size": 20, "test_size": 20}


def saved_oracle(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **oracle_arrays(random_oracle(7, seed, size=3)))
    return path


def experiment(oracle: str | Path) -> Experiment:
    """Two algorithms on the oracle in a file, one that starts from the other, both judged on it."""
    kwargs = {**SIZES, "oracle": str(oracle)}
    return Experiment(
        "filed",
        "a test",
        "TextGen-Oracle-v0",
        (
            Algorithm("MLE", "mle", 60, num_envs=4, env_kwargs={"oracle": str(oracle)}),
            Algorithm("Warm", "mle", 60, num_envs=4, init_from="MLE"),
        ),
        kwargs,
        (0,),
        Evaluation(1, 4, 4, 10, 1, ("nll_test",), "TextGen-Oracle-v0", kwargs),
    )


@pytest.mark.parametrize("told", [None, "elsewhere"])
def test_a_missing_file_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    monkeypatch.delenv("TEXTGEN_DATA", raising=False)
    if told is not None:
        monkeypatch.setenv("TEXTGEN_DATA", told)
    asked = experiment("data/lost.npz")
    where = "not set" if told is None else repr(told)
    said = f"oracle='data/lost.npz': no such file.* TEXTGEN_DATA names, which is {where}: set it"
    for kwargs, rows in (
        (asked.env_kwargs, asked.algorithms),
        (SIZES, asked.algorithms),
        (SIZES, asked.algorithms[1:2]),
    ):
        rows = tuple(replace(row, init_from="") for row in rows)
        with pytest.raises(FileNotFoundError, match=said):
            do(replace(asked, env_kwargs=kwargs, algorithms=rows), tmp_path / "out")
    monkeypatch.setattr(catalogue, "load_experiment", lambda name, size: asked)
    refused = CliRunner().invoke(app, ["run", "filed", "--out", str(tmp_path / "out")])
    assert refused.exit_code == 2
    assert "set it to the folder that holds lost.npz" in " ".join(refused.output.split())
    assert not (tmp_path / "out").exists()


def test_a_file_that_lies_elsewhere_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, path = tmp_path / "out", saved_oracle(tmp_path / "data" / "oracle.npz", seed=0)
    do(experiment(path), out)
    monkeypatch.chdir(tmp_path)
    assert do(experiment("data/oracle.npz"), out).ended() == []
    path.parent.rename(tmp_path / "moved")
    (out / "filed" / "Warm" / "seed-0" / "result.json").unlink()
    heard = do(experiment("moved/oracle.npz"), out)
    assert heard.ended() == [("Warm", "finished")]
    assert [row.count for row in collect(out / "filed").algorithms] == ["1/1", "1/1"]
    # What is drawn from a finished run plays on the file itself.
    assert read_json(out / "filed" / "MLE" / "seed-0" / "config.json")["env_kwargs"]["oracle"] == str(path)
    absolute, relative = (runs_of(experiment(each)) for each in (tmp_path / "moved" / "oracle.npz", "moved/oracle.npz"))
    for one, other in zip(absolute, relative, strict=True):
        assert settings_digest(one.to_config()) == settings_digest(other.to_config())


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    path = saved_oracle(tmp_path / "oracle.npz", seed=0)
    do(experiment(path), tmp_path / "out")
    saved_oracle(path, seed=1)
    with pytest.raises(ConfigMismatch, match=r'env_kwargs.oracle: "sha256:\w+" there, "sha256:\w+" now'):
        do(experiment(path), tmp_path / "out")


def test_results_kept_without_digests_go_on_under_the_same_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = saved_oracle(tmp_path / "oracle.npz", seed=0), tmp_path / "out" / "filed"
    with monkeypatch.context() as earlier:
        earlier.setattr(specs, "digests", lambda *kwargs: {})
        do(experiment(path), tmp_path / "out")
    assert "files" not in read_json(folder / "Warm" / "seed-0" / "config.json")
    assert do(experiment(path), tmp_path / "out").ended() == []
    shutil.rmtree(folder / "Warm")
    assert do(experiment(path), tmp_path / "out").ended() == [("Warm", "finished")]
    assert do(experiment(path), tmp_path / "out").ended() == []
    with pytest.raises(ConfigMismatch, match=r'MLE/seed-0/config.json: env_kwargs.oracle: "\S+" there, "\S+" now'):
        do(experiment(saved_oracle(tmp_path / "other.npz", seed=0)), tmp_path / "out")


def test_a_corpus_that_changes_between_two_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("".join(f"a {noun} {verb} .\n" for noun in ("dog", "cat", "hen") for verb in ("runs", "sleeps")))
    kwargs = {"path": str(path), "test_size": 2}
    asked = replace(
        experiment("x.npz"),
        env_id="TextGen-Corpus-v0",
        algorithms=(Algorithm("MLE", "mle", 60, num_envs=4),),
        env_kwargs=kwargs,
        evaluation=Evaluation(1, 4, 4, 2, 1, ("nll_test",)),
    )
    do(asked, tmp_path / "out")
    assert do(asked, tmp_path / "out").ended() == []
    path.write_text(path.read_text() + "a bird sings .\n")
    with pytest.raises(ConfigMismatch, match=r'env_kwargs.path: "sha256:\w+" there, "sha256:\w+" now'):
        do(asked, tmp_path / "out")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"path='.*mine\.txt': no such file; nothing was run"):
        do(asked, tmp_path / "out")


def test_settings_without_a_file_are_as_they_were(tmp_path: Path) -> None:
    (run,) = runs_of(Experiment("x", "d", "id", (Algorithm("A", "m:A"),), {"oracle": None, "name": "a.npy"}, (0,)))
    assert "files" not in run.to_config()


def test_files_are_found_inside_mappings_and_lists(tmp_path: Path) -> None:
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    parts = [[1.0, "bleu"], [0.5, {"name": "b", "path": str(other)}]]
    kwargs = {"reward": {"name": "a", "path": str(one), "parts": parts}, "task": "tiny"}
    assert paths_in(kwargs) == {str(one): "reward.path", str(other): "reward.parts[1][1].path"}
    config = {"env_kwargs": kwargs, "files": digests(kwargs)}
    found = by_content(config)["env_kwargs"]["reward"]
    assert [found["path"], found["parts"][1][1]["path"]] == [
        f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (b"1", b"2")
    ]
    other.unlink()
    with pytest.raises(FileNotFoundError, match=r"reward\.parts\[1\]\[1\]\.path='.*other.npz': no such file"):
        refuse_missing(kwargs)


def test_a_run_is_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_oracle(tmp_path / "oracle.npz", 0)
    monkeypatch.chdir(tmp_path)
    (_, warm) = runs_of(experiment("oracle.npz"))
    moved = warm.from_anywhere()
    assert settings_digest(moved.to_config()) == settings_digest(warm.to_config())
    monkeypatch.chdir("/")
    there = str(tmp_path / "oracle.npz")
    assert moved.parent is not None
    for run in (moved, moved.parent):
        assert run.env_kwargs["oracle"] == run.evaluation.env_kwargs["oracle"] == there
    assert moved.parent.algorithm.env_kwargs == {"oracle": there}
    assert settings_digest(moved.to_config()) != settings_digest(warm.to_config()), "which finds no file from here"


def test_a_relative_path_leads_there_whatever_a_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_oracle(tmp_path / "oracle.npz", 0)
    monkeypatch.chdir(tmp_path)

    def moves(event: object) -> None:
        os.chdir("/")

    run_experiment(experiment("oracle.npz"), Path("out"), 0, moves, notify=lambda words: None)
    assert {row.count for row in collect(tmp_path / "out" / "filed").algorithms} == {"1/1"}
    # The same command, from the same folder, finds its runs.
    monkeypatch.chdir(tmp_path)
    assert do(experiment("oracle.npz"), Path("out")).ended() == []
