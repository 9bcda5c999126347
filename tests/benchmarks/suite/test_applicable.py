"""Agents say themselves where they apply; their settings fit the budget by rules."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.specs.named import agent_names
from benchmarks.suite.applicable import Applicable, applicable
from benchmarks.suite.games import games
from benchmarks.suite.sizes import SIZES

pytest.importorskip("stable_baselines3")
TOKENS = 6_000


@cache
def found(name: str) -> Applicable:
    size = SIZES["laptop"]
    return applicable(next(game for game in games(size) if game.name == name), TOKENS)


def labels(name: str) -> set[str]:
    return {each.label for each in found(name).algorithms}


@pytest.mark.parametrize("name", ["Tiny-v0", "OracleSmallGAN-v0", "Parallel-v0"])
def test_every_agent_applies_or_says_why_not(name):
    named = {label.replace("/", "-") for label in agent_names()}
    assert labels(name) | set(found(name).refused) == named
    assert not labels(name) & set(found(name).refused)
    assert {"uniform", "reinforce", "sb3-PPO"} <= labels(name)
    assert "no policy yet" in found(name).refused["tempered"]
    assert found(name).refused["td_prediction"].startswith("it tells what")


def test_tables_are_for_games_that_fit_them():
    assert {"q_learning", "sarsa"} <= labels("Tiny-v0")
    assert "a table over all prefixes" in found("OracleSmallGAN-v0").refused["q_learning"]


def test_what_a_reward_lacks_is_said_before_any_run():
    assert "follows BLEU" in found("Tiny-v0").refused["pg_bleu"]
    # It would show after pre-training alone.
    assert "soft_score" in found("Parallel-v0").refused["gumbel_softmax"]
    assert "pg_bleu" in labels("Parallel-v0")


def test_an_adversarial_agent_decides_when_its_reward_learns():
    by_label = {each.label: each for each in found("OracleSmallGAN-v0").algorithms}
    assert by_label["seqgan"].env_kwargs["reward"]["auto_update"] is False
    assert by_label["gumbel_softmax"].env_kwargs["reward"]["auto_update"] is False
    assert by_label["reinforce"].env_kwargs == {}


def test_settings_fit_the_budget():
    by_label = {each.label: each for each in found("Parallel-v0").algorithms}
    assert by_label["ppo"].hyperparameters["entropy_half_life"] == TOKENS // 5
    assert by_label["dqn"].hyperparameters["exploration_tokens"] == 0.8 * TOKENS
    assert by_label["seqgan"].hyperparameters["rollouts"] == 4
    assert by_label["sb3-DQN"].hyperparameters["buffer_size"] == 2 * TOKENS
    assert "n_steps" not in by_label["sb3-DQN"].hyperparameters, "of DQN these are returns of several steps"
    assert by_label["sb3-PPO"].policy == "MultiInputPolicy"
    assert "sub_sampling_factor" not in by_label["sb3-TRPO"].hyperparameters
    unconditional = {each.label: each for each in found("Tiny-v0").algorithms}
    assert unconditional["sb3-TRPO"].hyperparameters["sub_sampling_factor"] == 4
    assert unconditional["sb3-PPO"].hyperparameters["n_steps"] == 5
    assert unconditional["sb3-PPO"].policy == "MlpPolicy"
