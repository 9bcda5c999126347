"""The rewards that say nothing about a text: a constant, and noise."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from textgen_env.rewards.constant import ConstantReward
from textgen_env.rewards.noise import RandomReward
from textgen_env.testing import check_reward


def all_texts(vocab_size: int, length: int) -> np.ndarray:
    """Every text of one length."""
    return np.stack(np.meshgrid(*[np.arange(vocab_size)] * length, indexing="ij"), -1).reshape(-1, length)


@pytest.mark.parametrize("name", ["constant", "random"])
@pytest.mark.parametrize("mode", ["terminal", "dense"])
def test_controls_are_rewards_by_name(name: str, mode: str) -> None:
    env = gym.make("TextGen-Tiny-v0", reward=name, reward_mode=mode).unwrapped
    check_reward(env.reward, env.task)
    env.reset(seed=0)
    earned, terminated = 0.0, False
    while not terminated:
        _, reward, terminated, _, info = env.step(1)
        earned += reward
    assert earned == pytest.approx(env.score(info["tokens"][None])[0], abs=1e-12)


def test_the_constant_is_the_same_for_all() -> None:
    texts = all_texts(3, 4)
    assert (ConstantReward(2.5).score(texts, np.full(len(texts), 4)) == 2.5).all()


@pytest.mark.parametrize(("value", "error"), [("1", TypeError), (True, TypeError), (float("nan"), ValueError)])
def test_a_constant_that_is_none_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="value="):
        ConstantReward(value)


def test_noise_is_uniform_and_without_memory() -> None:
    """Uniform over all texts, and uncorrelated between texts that differ in one token only, whichever it is."""
    texts = all_texts(10, 4)
    scores = RandomReward().score(texts, np.full(len(texts), 4))
    assert len(np.unique(scores)) == len(texts)
    counts = np.bincount((scores * 20).astype(int), minlength=20)
    chi_square = ((counts - 500) ** 2 / 500).sum()
    assert chi_square < 43.8, "0.1% of uniform samples are farther off"
    cube = scores.reshape(10, 10, 10, 10)
    for axis in range(4):
        here, there = np.delete(cube, -1, axis).ravel(), np.delete(cube, 0, axis).ravel()
        assert abs(np.corrcoef(here, there)[0, 1]) < 4 / np.sqrt(len(here))


def test_noise_is_a_function_of_the_text_and_the_seed() -> None:
    texts = all_texts(4, 3)
    lengths = np.full(len(texts), 3)
    scores = RandomReward(7).score(texts, lengths)
    order = np.random.default_rng(0).permutation(len(texts))
    assert (RandomReward(7).score(texts[order], lengths[order]) == scores[order]).all()
    assert abs(np.corrcoef(RandomReward(8).score(texts, lengths), scores)[0, 1]) < 0.5
    # What stands behind the end of a text is not read; how long the text is, is.
    padded = np.concatenate([texts, np.full((len(texts), 2), 4)], 1)
    assert (RandomReward(7).score(padded, lengths) == scores).all()
    assert (RandomReward(7).score(padded, lengths + 1) != scores).all()
