"""Rewards that learn, after the run: agents that are asked again are paid as they were at the end of their training."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console

from agents.decoding.decode import decode
from benchmarks.evaluation.fresh import Asked, evaluated
from benchmarks.measures.measures import RETURN
from benchmarks.policies.environments import load_reward
from benchmarks.policies.kept_run import kept_run
from benchmarks.report.samples import shown_samples
from benchmarks.report.watching import UNTAUGHT, Pace, watch
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.store.run_folder import REWARD, read_state
from support.learned_rewards import LEARNED, SMALL
from support.tiny_experiment import do
from textgen_env.files import DamagedFile

EXPERIMENT = Experiment(
    name="learned",
    description="a test",
    env_id="TextGen-OracleSmallGAN-v0",
    env_kwargs={**SMALL, "reward": {"name": "discriminator", **LEARNED}},
    algorithms=(
        Algorithm("A2C", "a2c", total_tokens=2_000, num_envs=8, masked=True, hyperparameters={"hidden_size": 8}),
    ),
    seeds=(0,),
    evaluation=Evaluation(points=1, episodes=8, final_episodes=512, measures=()),
    goal="data",
)
DECODING = {"width": 2, "length_penalty": 0.0, "temperature": 1.0, "top_k": None, "top_p": 1.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learned")
    do(EXPERIMENT, folder)
    return folder / "learned" / "A2C" / "seed-0"


def test_the_return_is_that_of_the_end(run: Path) -> None:
    before = read_state(run).result
    assert before is not None
    found = evaluated(kept_run(run), Asked(episodes=4_000)).estimates[RETURN]
    assert found.value == pytest.approx(before.mean_return, abs=5 * found.error + 0.02)
    fresh = evaluated(kept_run(run), Asked(episodes=64, settings=("env.reward.steps=3",)))
    assert "was not kept" in fresh.reasons[RETURN]


def test_what_is_shown_is_paid_so_too(run: Path) -> None:
    heard = io.StringIO()
    watch(run, Pace(1, speed=0), Console(file=heard))
    assert UNTAUGHT not in heard.getvalue()
    kept = kept_run(run)
    env = kept.environment(kept.training_place)
    load_reward(env, run / REWARD)
    texts = decode(kept.agent, env, 3, "sample", generator=torch.Generator().manual_seed(0)).texts
    shown = [line.split("\t")[1] for line in shown_samples(run, 3, "sample", 0, DECODING)[1:]]
    assert shown == [f"{score:.4g}" for score in env.unwrapped.score(*texts)]


def test_a_result_rests_on_it(run: Path, tmp_path: Path) -> None:
    without = tmp_path / "learned" / "A2C" / "seed-0"
    shutil.copytree(run, without)
    (without / REWARD).unlink()
    assert read_state(without).result is None


def test_another_rewards_state_is_refused(run: Path) -> None:
    kept = kept_run(run)
    env = kept.environment(("TextGen-OracleSmallGAN-v0", {**SMALL, "reward": {"name": "discriminator"}}))
    with pytest.raises(DamagedFile, match="holds no state of the reward 'discriminator'"):
        load_reward(env, run / REWARD)
