"""Diversity among the texts written lately: by hand, against a plain count, and in a game."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from textgen_env import combine
from textgen_env.rewards.diversity import DiversityReward
from textgen_env.tasks.tiny import TinyTask

TASK = TinyTask()
BLANK, WIDTH = TASK.vocabulary.blank_id, TASK.max_length


def texts(*rows: list[int]) -> tuple[Any, Any]:
    tokens = np.full((len(rows), WIDTH), BLANK)
    for row, text in enumerate(rows):
        tokens[row, : len(text)] = text
    return tokens, np.array([len(row) for row in rows])


def test_by_hand() -> None:
    reward = DiversityReward(order=2, window=4).bind(TASK)
    assert reward.score(*texts([1, 2, 3])).tolist() == [1.0]
    reward.episodes_ended(*texts([1, 2, 3, 0], [1, 2, 1, 2, 1]))
    # 1-2 is in both, 2-3 in one, 2-2 in none.
    assert reward.score(*texts([1, 2, 3], [1, 2], [2, 2], [1])).tolist() == [0.25, 0.0, 1.0, 1.0]


def test_what_the_window_has_left_is_forgotten() -> None:
    reward = DiversityReward(order=1, window=2).bind(TASK)
    reward.episodes_ended(*texts([1], [2], [3]))
    assert reward.score(*texts([1], [2], [3])).tolist() == [1.0, 0.5, 0.5]
    assert len(reward._counts) == 2


def test_it_is_a_plain_count() -> None:
    rng = np.random.default_rng(0)
    reward = DiversityReward(order=2, window=7).bind(TASK)
    lately: list[set[tuple[int, ...]]] = []
    for _ in range(30):
        rows = [rng.integers(BLANK, size=rng.integers(1, WIDTH + 1)).tolist() for _ in range(3)]
        ngrams = [[tuple(row[i : i + 2]) for i in range(max(len(row) - 1, 1))] for row in rows]
        expected = [
            1 - np.mean([np.mean([each in text for text in lately]) for each in own]) if lately else 1.0
            for own in ngrams
        ]
        np.testing.assert_allclose(reward.score(*texts(*rows)), expected)
        reward.episodes_ended(*texts(*rows))
        lately = [*lately, *(set(own) for own in ngrams)][-7:]


def test_one_text_over_and_over_earns_little_in_a_sum_and_many_texts_keep_what_they_earn() -> None:
    envs: Any = gym.make_vec(
        "TextGen-Tiny-v0", num_envs=8, reward=combine((1.0, "constant"), (1.0, "diversity")), autoreset_mode="SameStep"
    )
    means = []
    for same in (True, False):
        envs.reset(seed=0)
        rng, earned = np.random.default_rng(0), []
        for t in range(200):
            earned.append(envs.step(np.full(8, t % 3 + 1) if same else rng.integers(1, 4, 8))[1].sum())
        means.append(sum(earned[100:]))
    assert means[0] < 0.8 * means[1]


def test_evaluation_is_not_remembered() -> None:
    envs: Any = gym.make_vec("TextGen-Tiny-v0", num_envs=2, reward="diversity")
    envs.reset(seed=0)
    with envs.unwrapped.evaluating():
        envs.step([0, 0])
    assert not len(envs.unwrapped.reward.state_dict()["texts"])


def test_what_is_kept_goes_on_the_same() -> None:
    reward = DiversityReward(order=2, window=5).bind(TASK)
    reward.episodes_ended(*texts([1, 2, 3, 0], [2], [3, 3, 3, 3, 3]))
    other = DiversityReward(order=2, window=5).bind(TASK)
    other.load_state_dict(reward.state_dict())
    for each in (reward, other):
        each.episodes_ended(*texts([1, 1, 0], [2, 1], [3]))
    asked = texts([1, 2, 3], [3, 3], [2, 1], [3])
    assert np.array_equal(reward.score(*asked), other.score(*asked))
    assert torch.equal(reward.state_dict()["texts"], other.state_dict()["texts"])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "expected"),
        ({"texts": torch.full((6, WIDTH), 1)}, "more than window=5"),
        ({"texts": torch.full((1, WIDTH), 99)}, "holds 99"),
    ],
)
def test_a_state_that_is_none_is_refused(state: Any, message: str) -> None:
    reward = DiversityReward(window=5).bind(TASK)
    reward.episodes_ended(*texts([1]))
    with pytest.raises(ValueError, match=message):
        reward.load_state_dict(state)
    assert len(reward.state_dict()["texts"]) == 1


@pytest.mark.parametrize("wrong", [{"order": 0}, {"window": 0}, {"window": 2.5}, {"order": True}])
def test_arguments_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        DiversityReward(**wrong)


def test_a_reward_without_a_task_keeps_nothing() -> None:
    with pytest.raises(ValueError, match="not bound"):
        DiversityReward().state_dict()
