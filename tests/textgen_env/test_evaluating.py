"""Evaluation teaches a reward nothing, and a reward that is shared is one and the same."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from agents.baselines.uniform import Uniform
from agents.data.episodes import evaluate
from support.learned_rewards import LEARNED, REWARDS, SMALL
from textgen_env import combine, text_game
from textgen_env.sb3 import make_sb3_vec_env


def made(reward: Any = REWARDS["discriminator"], kind: str = "vector", **kwargs: Any) -> Any:
    given = {"reward": reward, **SMALL, **kwargs}
    if kind == "single":
        return gym.make("TextGen-Oracle-v0", **given)
    if kind == "sb3":
        return make_sb3_vec_env("TextGen-Oracle-v0", 8, **given)
    return gym.make_vec("TextGen-Oracle-v0", num_envs=8, **given)


def play(envs: Any, steps: int = 30) -> None:
    single = isinstance(envs, gym.Env)
    envs.reset()
    for token in range(steps):
        done = envs.step(token % 20 if single else np.full(8, token % 20))[2]
        if single and done:
            envs.reset()


def state(envs: Any) -> dict[str, torch.Tensor]:
    reward: Any = text_game(envs).reward
    return {name: tensor.clone() for name, tensor in reward.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", ["single", "vector", "sb3"])
@pytest.mark.parametrize("reward", REWARDS)
def test_what_is_played_for_evaluation_is_not_learned_from(reward: str, kind: str) -> None:
    envs = made(REWARDS[reward], kind)
    game = text_game(envs)
    play(envs)
    before = state(envs)
    with game.evaluating():
        with game.evaluating():
            play(envs)
        play(envs)
    assert same(state(envs), before)
    play(envs, 60)
    assert not same(state(envs), before)


def test_learning_goes_on_after_an_error_in_evaluation() -> None:
    envs = made()
    with pytest.raises(ZeroDivisionError), text_game(envs).evaluating():
        raise ZeroDivisionError
    before = state(envs)
    play(envs)
    assert not same(state(envs), before)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_evaluate_leaves_a_discriminator_as_it_was(mode: AutoresetMode) -> None:
    envs = made(autoreset_mode=mode)
    texts = envs.unwrapped.task.test_sequences()
    before = envs.unwrapped.score(texts.tokens)
    evaluate(Uniform(envs, seed=0).predict, gym.wrappers.vector.RecordEpisodeStatistics(envs), episodes=64, seed=0)
    assert np.array_equal(envs.unwrapped.score(texts.tokens), before)


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("same_task", [True, False])
def test_an_environment_that_is_given_anothers_reward_shares_it(reward: str, same_task: bool) -> None:
    train = made(REWARDS[reward])
    play(train, 60)
    game = train.unwrapped
    given: dict[str, Any] = {"task": game.task} if same_task else SMALL
    held_out: Any = gym.make_vec("TextGen-Oracle-v0", num_envs=8, reward=game.reward, **given)
    texts = game.task.test_sequences().tokens
    assert np.array_equal(held_out.unwrapped.score(texts), game.score(texts))
    play(held_out)
    assert np.array_equal(held_out.unwrapped.score(texts), game.score(texts))


@pytest.mark.parametrize("other", [{"seed": 1}, {"max_length": 5}, {"vocab_size": 21}, {"task": "tiny"}])
def test_a_reward_that_is_bound_is_refused_by_another_task(other: dict[str, Any]) -> None:
    reward = made().unwrapped.reward
    kwargs = other if "task" in other else {**SMALL, **other}
    with pytest.raises(ValueError, match=r"bound to another task.*task=envs\.unwrapped\.task.*'discriminator'"):
        gym.make_vec("TextGen-Oracle-v0", num_envs=2, reward=reward, **kwargs)
    with pytest.raises(ValueError, match="bound to another task"):
        gym.make_vec("TextGen-Oracle-v0", num_envs=2, reward=combine((1.0, reward)), **kwargs)


def test_a_reward_that_is_not_bound_yet_is_bound_anew_by_each_environment() -> None:
    from textgen_env.rewards.discriminator import DiscriminatorReward

    reward = DiscriminatorReward(**LEARNED)  # type: ignore[arg-type]
    one, other = made(reward), made(reward)
    play(one, 60)
    before = state(other)
    assert one.unwrapped.reward is not other.unwrapped.reward
    assert not same(state(one), before)
