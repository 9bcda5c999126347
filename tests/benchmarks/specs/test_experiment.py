"""Experiments as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agents import AGENTS
from benchmarks.catalogue import experiment_names, load_experiment, load_sizes
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, Run, runs_of, settings_digest
from textgen_env.registries import load_object


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_loads_and_is_plain_data(name: str) -> None:
    for experiment in load_sizes(name).values():
        assert experiment.description
        configs = [run.to_config() for run in runs_of(experiment)]
        assert json.loads(json.dumps(configs)) == configs
        assert len({run.name for run in runs_of(experiment)}) == len(experiment.algorithms) * len(experiment.seeds)
        for row in experiment.algorithms:
            assert callable(AGENTS.load(row.agent) if row.kind == "agent" else load_object(row.agent))


def test_seeds_come_in_turn_and_once() -> None:
    runs = runs_of(load_experiment("smoke"), (4, 4, 2))
    labels = [row.label for row in load_experiment("smoke").algorithms]
    assert [(run.seed, run.algorithm.label) for run in runs] == [(seed, label) for seed in (4, 2) for label in labels]


def test_a_row_may_play_another_environment() -> None:
    rows = (Algorithm("A", "m:A", env_kwargs={"vocab_size": 5}), Algorithm("B", "m:B", env_id="TextGen-Tiny-v0"))
    experiment = Experiment("x", "d", "TextGen-OracleSmall-v0", rows, env_kwargs={"max_length": 3}, seeds=(0,))
    a, b = runs_of(experiment)
    assert (a.env_id, a.env_kwargs) == ("TextGen-OracleSmall-v0", {"max_length": 3, "vocab_size": 5})
    assert (b.env_id, b.env_kwargs) == ("TextGen-Tiny-v0", {"max_length": 3})


@pytest.mark.parametrize("label", ["", "a/b", "..", ".hidden", "a b", "ü"])
def test_labels_that_are_no_folder_names_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="label="):
        Algorithm(label, "m:A")


def test_wrong_rows_and_experiments_are_refused() -> None:
    with pytest.raises(ValueError, match="num_envs=0"):
        Algorithm("A", "m:A", num_envs=0)
    with pytest.raises(ValueError, match="kind='tf'"):
        Algorithm("A", "m:A", kind="tf")  # type: ignore[arg-type]
    smoke = load_experiment("smoke")
    with pytest.raises(ValueError, match="labels must differ"):
        replace(smoke, algorithms=(Algorithm("a", "m:A"), Algorithm("A", "m:A")), baseline="", compared_with="")
    with pytest.raises(ValueError, match="'Nobody' is no algorithm"):
        replace(smoke, baseline="Nobody")
    with pytest.raises(ValueError, match="'Nobody' is no algorithm"):
        replace(smoke, compared_with="Nobody")
    with pytest.raises(ValueError, match="seeds=\\(\\)"):
        runs_of(smoke, ())
    with pytest.raises(ValueError, match="-1"):
        runs_of(smoke, (0, -1))


def test_settings_that_are_none_are_refused() -> None:
    for field in ("points", "episodes", "final_episodes", "test_texts", "validation_texts"):
        with pytest.raises(ValueError, match=f"evaluation: {field}=0 must be >= 1"):
            Evaluation(**{field: 0})
    with pytest.raises(ValueError, match="curve='loss' must be"):
        Experiment("x", "d", "id", (), curve="loss")  # type: ignore[arg-type]


def test_a_parent_comes_first_and_is_part_of_the_settings() -> None:
    rows = (Algorithm("B", "m:B", init_from="A"), Algorithm("C", "m:C"), Algorithm("A", "m:A"))
    runs = runs_of(Experiment("x", "d", "id", rows, seeds=(0, 1)), device="cuda")
    assert [(run.algorithm.label, run.seed) for run in runs] == [(label, seed) for seed in (0, 1) for label in "ABC"]
    assert runs[1].parent is runs[0]
    config = runs[1].to_config()
    assert config["parent"] == {"run": "x/A/seed-0", "settings": settings_digest(runs[0].to_config())}
    assert (config["device"], config["algorithm"]["init_from"]) == ("cuda", "A")
    assert runs[0].to_config()["parent"] is None
    assert len({settings_digest(run.to_config()) for run in runs}) == len(runs)


def test_a_configuration_names_a_registered_agent_wherever_its_class_stands() -> None:
    named, placed, own, sb3 = (
        Run("x", Algorithm("A", agent, kind=kind), 0, "id", {}, Evaluation())
        for agent, kind in (
            ("ppo", "agent"),
            ("agents.policy_gradient.ppo:PPO", "agent"),
            ("m:A", "agent"),
            ("stable_baselines3:PPO", "sb3"),
        )
    )
    assert [run.to_config()["algorithm"]["agent"] for run in (named, placed, own, sb3)] == [
        *("ppo", "ppo"),
        "m:A",
        "stable_baselines3:PPO",
    ]
    assert settings_digest(named.to_config()) == settings_digest(placed.to_config())
