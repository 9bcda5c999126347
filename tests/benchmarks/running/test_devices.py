"""Devices of runs: agents and rewards are told, and what cannot be done there is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.baselines.uniform import Uniform
from agents.policy_gradient.reinforce import Reinforce
from benchmarks.analysis.load import collect
from benchmarks.policies.environments import make_envs, with_device
from benchmarks.running.planned_runs import planned_runs
from benchmarks.running.scheduler import ConfigMismatch, Manner, plan_experiment, run_experiment, work_on
from benchmarks.running.workers import local
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.store.manifest import read_manifest
from benchmarks.store.run_folder import read_json, read_state

SMALL = {"vocab_size": 8, "max_length": 3, "train_size": 40, "test_size": 40}
LEARNING = {"embedding_size": 4, "widths": [1, 2], "counts": [4, 4], "update_every": 24, "steps": 1}
DISCRIMINATOR = {"reward": {"name": "discriminator", **LEARNING}}
SIZES = {"hidden_size": 4, "batch_size": 16}
# The CPU by a name of its own: what is not told of it is found out, on any machine.
ELSEWHERE = "cpu:0"


class OnTheCPU(Uniform):
    """Knows of no devices."""

    def __init__(self, envs: Any, config: Any = None, seed: int = 0) -> None:
        super().__init__(envs, config, seed)

    @classmethod
    def load(cls, path: Any) -> Any:
        return super().load(path)


def do(out: Path, *rows: Algorithm, device: str = ELSEWHERE) -> None:
    experiment = Experiment(
        "x", "d", "TextGen-OracleSmallGAN-v0", rows, {**SMALL, **DISCRIMINATOR}, (0,), Evaluation(2, 8, 16, 10, 1)
    )
    run_experiment(experiment, out, 0, lambda event: None, notify=lambda words: None, device=device)


def test_agents_and_rewards_are_told_the_device_and_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    inner = Reinforce.__init__

    @wraps(inner)
    def init(self: Any, envs: Any, *arguments: Any, **options: Any) -> None:
        told.append((options.get("device"), envs.unwrapped.reward.device))
        inner(self, envs, *arguments, **options)

    monkeypatch.setattr(Reinforce, "__init__", init)
    row = Algorithm("R", "reinforce", 100, hyperparameters=SIZES, num_envs=8)
    do(tmp_path, row)
    assert read_state(tmp_path / "x" / "R" / "seed-0").status == "finished"
    assert told == [(ELSEWHERE, ELSEWHERE)]
    assert read_json(tmp_path / "x" / "R" / "seed-0" / "config.json")["device"] == ELSEWHERE
    assert read_json(tmp_path / "x" / "experiment.json")["devices"] == [ELSEWHERE]
    assert collect(tmp_path / "x").manifest.devices == [ELSEWHERE]
    with pytest.raises(ConfigMismatch, match='device: "cpu:0" there, "cpu" now'):
        do(tmp_path, row, device="cpu")


def test_an_agent_that_takes_no_device_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    trained = Algorithm("Trained", f"{__name__}:OnTheCPU", 100, num_envs=8)
    untrained = replace(trained, label="Untrained", total_tokens=0)
    do(tmp_path, trained, untrained)
    error = read_state(tmp_path / "x" / "Trained" / "seed-0").error
    assert error is not None
    assert "OnTheCPU knows no device 'cpu:0'" in error.error
    assert "--device cpu" in error.error
    # What is not trained has nothing to do there.
    assert read_state(tmp_path / "x" / "Untrained" / "seed-0").status == "finished"


@pytest.mark.filterwarnings("ignore:You are trying to run A2C on the GPU")
def test_an_sb3_row_computes_there(tmp_path: Path) -> None:
    do(tmp_path, Algorithm("A2C", "stable_baselines3:A2C", 64, kind="sb3", num_envs=8))
    state = read_state(tmp_path / "x" / "A2C" / "seed-0")
    assert state.status == "finished", state.error


@pytest.mark.parametrize("device", ["quantum", "cuda:77", ""])
def test_a_device_that_is_not_there_is_refused_before_anything_is_done(tmp_path: Path, device: str) -> None:
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used here"):
        do(tmp_path / "out", Algorithm("R", "uniform"), device=device)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("device", ["meta", "meta:0"])
def test_a_device_that_computes_nothing_is_refused_before_anything_is_done(tmp_path: Path, device: str) -> None:
    with pytest.raises(ValueError, match=f"device='{device}' must be cpu, or cuda, or one of several such as cuda:1"):
        do(tmp_path / "out", Algorithm("R", "uniform"), device=device)
    assert not (tmp_path / "out").exists()


def test_only_rewards_that_compute_take_a_device() -> None:
    there = {"reward": {"name": "discriminator", "device": "cuda"}}
    assert with_device("TextGen-OracleSmallGAN-v0", {}, "cuda") == there
    assert with_device("TextGen-OracleSmall-v0", {"max_length": 5}, "cuda") == {"max_length": 5, "reward": "likelihood"}
    assert with_device("TextGen-OracleSmall-v0", {"reward": "discriminator"}, "cuda") == there
    parts = {"name": "sum", "parts": [[1.0, "discriminator"], [2.0, "bleu"]]}
    moved = {"name": "sum", "parts": [[1.0, there["reward"]], [2.0, "bleu"]]}
    assert with_device("TextGen-OracleSmall-v0", {"reward": parts}, "cuda") == {"reward": moved}
    assert with_device("TextGen-OracleSmallGAN-v0", {}, "cpu") == {}
    envs: Any = make_envs(
        "TextGen-OracleSmallGAN-v0",
        1,
        {**SMALL, "reward": {"name": "discriminator", **LEARNING, "device": "cpu"}},
        "cuda",
    )
    assert envs.unwrapped.reward.device == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(tmp_path: Path) -> None:
    do(
        tmp_path,
        Algorithm("R", "reinforce", 100, hyperparameters=SIZES, num_envs=8),
        device="cuda",
    )
    state = read_state(tmp_path / "x" / "R" / "seed-0")
    assert state.status == "finished", state.error


def test_what_is_planned_for_other_machines_needs_no_device_of_this_one(tmp_path: Path) -> None:
    row = Algorithm("R", "reinforce", 100, hyperparameters=SIZES, num_envs=8)
    experiment = Experiment("x", "d", "TextGen-OracleSmall-v0", (row,), SMALL, (0,), Evaluation(2, 8, 16, 10, 1))
    folder = plan_experiment(experiment, tmp_path, device="cuda:63")
    (run,) = planned_runs(folder, read_manifest(folder))
    assert run.device == "cuda:63"
    with pytest.raises(ValueError, match="device='cuda:63' cannot be used here"):
        work_on(folder, [run], local(0), lambda event: None, print, Manner())
    for wrong, said in (("tpu9", "device='tpu9' is no device"), ("meta", "device='meta' must be cpu, or cuda")):
        with pytest.raises(ValueError, match=said):
            plan_experiment(experiment, tmp_path / "other", device=wrong)
    assert not (tmp_path / "other").exists()
