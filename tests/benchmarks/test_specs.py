"""Experiments as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.specs import Experiment, Row, experiment_names, load_experiment, load_object, runs_of


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_loads_and_is_plain_data(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.description
    configs = [run.to_config() for run in runs_of(experiment)]
    assert json.loads(json.dumps(configs)) == configs
    assert len({run.name for run in runs_of(experiment)}) == len(experiment.rows) * len(experiment.seeds)
    for row in experiment.rows:
        assert callable(load_object(row.agent))


def test_seeds_come_in_turn_and_once() -> None:
    runs = runs_of(load_experiment("smoke"), (4, 4, 2))
    labels = [row.label for row in load_experiment("smoke").rows]
    assert [(run.seed, run.row.label) for run in runs] == [(seed, label) for seed in (4, 2) for label in labels]


def test_a_row_may_play_another_environment() -> None:
    rows = (Row("A", "m:A", env_kwargs={"vocab_size": 5}), Row("B", "m:B", env_id="TextGen-Tiny-v0"))
    experiment = Experiment("x", "d", "TextGen-OracleSmall-v0", rows, env_kwargs={"max_length": 3}, seeds=(0,))
    a, b = runs_of(experiment)
    assert (a.env_id, a.env_kwargs) == ("TextGen-OracleSmall-v0", {"max_length": 3, "vocab_size": 5})
    assert (b.env_id, b.env_kwargs) == ("TextGen-Tiny-v0", {"max_length": 3})


@pytest.mark.parametrize("label", ["", "a/b", "..", ".hidden", "a b", "ü"])
def test_labels_that_are_no_folder_names_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="label="):
        Row(label, "m:A")


def test_wrong_rows_and_experiments_are_refused() -> None:
    with pytest.raises(ValueError, match="num_envs=0"):
        Row("A", "m:A", num_envs=0)
    with pytest.raises(ValueError, match="kind='tf'"):
        Row("A", "m:A", kind="tf")  # type: ignore[arg-type]
    smoke = load_experiment("smoke")
    with pytest.raises(ValueError, match="labels must differ"):
        replace(smoke, rows=(Row("a", "m:A"), Row("A", "m:A")), baseline="", compared_with="")
    with pytest.raises(ValueError, match="'Nobody' is no row"):
        replace(smoke, baseline="Nobody")
    with pytest.raises(ValueError, match="'Nobody' is no row"):
        replace(smoke, compared_with="Nobody")
    with pytest.raises(ValueError, match="seeds=\\(\\)"):
        runs_of(smoke, ())
    with pytest.raises(ValueError, match="-1"):
        runs_of(smoke, (0, -1))


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no experiment 'nope'; there are .*quick.*smoke"):
        load_experiment("nope")
    for path, said in (("agents", "module:Class"), ("agents.mle:Nope", "no 'Nope'"), ("nope:A", "No module named")):
        with pytest.raises(ValueError, match=said):
            load_object(path)
