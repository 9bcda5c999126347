"""Fluency as a reward: the model's numbers, paid token by token."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from support.answers import Answers
from textgen_env import TextGenVectorEnv
from textgen_env.core import GenerationCore
from textgen_env.metrics.kneser_ney import KneserNey
from textgen_env.rewards.fluency import FluencyReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.tasks.number_words import NumberWordsTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward


@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_is_a_reward(order: int, per_token: bool) -> None:
    for task in (Answers(), TinyTask(train_size=30)):
        check_reward(FluencyReward(order, per_token), task, tolerance=1e-9)


def test_it_is_a_reward_of_other_tasks(echo_task: Any) -> None:
    check_reward(FluencyReward(), echo_task, tolerance=1e-9)
    check_reward(FluencyReward(), CaptionsTask(train_size=100, test_size=5), tolerance=1e-9)
    check_reward(FluencyReward(), NumberWordsTask(max_number=60), tolerance=1e-9)


def test_the_end_token_is_paid_and_the_horizon_is_not() -> None:
    task = TinyTask(train_size=30)
    texts = task.all_texts()
    model = KneserNey.of_texts(*task.training_sequences()[:2], len(task.vocabulary), 2)
    expected = model.log_prob(texts.tokens, texts.lengths)
    np.testing.assert_array_equal(FluencyReward(2).bind(task).score(texts.tokens, texts.lengths), expected)
    # Over all texts the probabilities sum to 1.
    assert np.exp(expected).sum() == pytest.approx(1, abs=1e-12)
    a_token = FluencyReward(2, per_token=True).bind(task).score(texts.tokens, texts.lengths)
    np.testing.assert_allclose(a_token, expected / texts.lengths, rtol=1e-12)


def test_a_text_that_begins_with_a_prefix_is_paid_the_rest() -> None:
    task = CaptionsTask(train_size=100, test_size=8)
    texts = task.test_sequences()
    reward = FluencyReward().bind(task)
    core = GenerationCore(task, reward, 8)
    core.reset(prefix=texts.tokens[:, :3])
    paid = np.zeros(8)
    for t in range(3, task.max_length):
        going = np.flatnonzero(texts.lengths > t)
        if len(going):
            paid[going] += core.step(texts.tokens[going, t], going).rewards[going]
    begun = reward.score(texts.tokens, np.full(8, 3))
    np.testing.assert_allclose(begun + paid, reward.score(texts.tokens, texts.lengths), rtol=1e-12)


def test_by_name_and_densely_by_default() -> None:
    env: Any = gym.make("TextGen-Captions-v1", reward={"name": "fluency", "order": 2}, train_size=200)
    env.reset(seed=0)
    ids = env.unwrapped.task.vocabulary.encode(["a", "man", "is"])
    returns = [env.step(token)[1] for token in ids]
    model = env.unwrapped.reward.model
    assert np.sum(returns) == pytest.approx(model.log_prob(np.array([ids]), np.array([3]))[0])
    assert all(each < 0 for each in returns)


def test_an_edited_snapshot_is_refused() -> None:
    envs = TextGenVectorEnv(num_envs=2, task=TinyTask(train_size=30), reward="fluency")
    envs.reset(seed=0)
    envs.step(np.array([1, 2]))
    state = envs.snapshot()
    for entry, value in (("contexts", -2), ("contexts", 10_000), ("log_prob", np.nan)):
        edited = state.reward_state[entry].copy()
        edited.flat[0] = value
        state.reward_state[entry], kept = edited, state.reward_state[entry]
        with pytest.raises(ValueError, match=f"entry '{entry}' is not"):
            envs.restore(state)
        state.reward_state[entry] = kept
    envs.restore(state)


def test_refuses() -> None:
    with pytest.raises(TypeError, match=r"order=1\.5 must be a whole number"):
        FluencyReward(order=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order=0 must be a whole number >= 1"):
        FluencyReward(order=0)
    with pytest.raises(TypeError, match="per_token=1 must be True or False"):
        FluencyReward(per_token=1)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
        FluencyReward().score(np.array([[1]]), np.array([1]))
    task = TinyTask(train_size=30)
    reward = FluencyReward().bind(task)
    assert reward.bind(task) is reward


def test_a_task_without_training_texts_is_refused(no_repeat_task: Any) -> None:
    with pytest.raises(ValueError, match="NoRepeatTask has no training data"):
        FluencyReward().bind(no_repeat_task)
