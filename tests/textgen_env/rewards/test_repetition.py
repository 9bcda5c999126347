"""Repetition within a text, against a plain count."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.answers import LETTERS, WORDS, Answers, random_texts
from textgen_env.metrics.diversity import repeated_share
from textgen_env.rewards.repetition import RepetitionReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.tasks.number_words import NumberWordsTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward


def plainly(text: list[int], n: int) -> float:
    """Counts the n-grams that stand in what was written before."""
    seen, repeated, count = set(), 0, 0
    for at in range(len(text) - n + 1):
        ngram = tuple(text[at : at + n])
        repeated += ngram in seen
        count += 1
        seen.add(ngram)
    return repeated / count if count else 0.0


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), order=st.integers(1, 9), vocabulary=st.sampled_from([WORDS, LETTERS]))
def test_shares_are_those_of_a_plain_count(seed: int, order: int, vocabulary: Any) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(vocabulary, seed)
    tokens, lengths, _ = random_texts(rng, task, 20)
    # Few tokens, so that they repeat.
    tokens[(tokens > 2) & (tokens < task.vocabulary.blank_id)] = 2
    expected = [
        plainly([token for token in text[:length].tolist() if token], order)
        for text, length in zip(tokens, lengths, strict=True)
    ]
    assert RepetitionReward(order, "share").bind(task).score(tokens, lengths).tolist() == pytest.approx(expected)
    assert (-RepetitionReward(order).bind(task).score(tokens, lengths)).tolist() == pytest.approx(expected)


def test_large_ids_are_kept_apart() -> None:
    tokens = np.array([[2**62, 2**62 - 1, 2**62, 2**62 - 1, 0], [2**40, 0, 2**41, 0, 0]])
    assert repeated_share(tokens, np.array([4, 4]), 2).tolist() == pytest.approx([1 / 3, 0])
    assert repeated_share(tokens, np.array([4, 4]), 1).tolist() == pytest.approx([2 / 4, 1 / 4])
    assert repeated_share(tokens[:0], np.array([], np.int64), 1).shape == (0,)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("output", ["share", "negative"])
def test_it_is_a_reward(order: int, output: Any, echo_task: Any) -> None:
    for task in (TinyTask(), Answers(LETTERS), echo_task, NumberWordsTask(max_number=60)):
        check_reward(RepetitionReward(order, output), task, tolerance=1e-9)
    check_reward(RepetitionReward(order, output), CaptionsTask(train_size=20, test_size=5), tolerance=1e-9)


def test_by_name_in_a_sum() -> None:
    both = {"name": "sum", "parts": [[1.0, "constant"], [0.5, {"name": "repetition", "order": 1}]]}
    env: Any = gym.make("TextGen-Captions-v1", reward=both, train_size=50)
    env.reset(seed=0)
    tokens = env.unwrapped.task.vocabulary.encode(["a", "man", "man", "a", "<eos>"])
    info: dict[str, Any] = {}
    for token in tokens:
        *_, info = env.step(token)
    assert info["reward_terms"]["repetition"] == -0.5


def test_refuses() -> None:
    with pytest.raises(ValueError, match="order=0 must be a whole number >= 1"):
        RepetitionReward(order=0)
    with pytest.raises(TypeError, match=r"order=2\.0 must be a whole number"):
        RepetitionReward(order=2.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="output='ratio' must be one of 'negative', 'share'"):
        RepetitionReward(output="ratio")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
        RepetitionReward().score(np.array([[1]]), np.array([1]))
    task = TinyTask()
    reward = RepetitionReward().bind(task)
    assert reward.bind(task) is reward
    with pytest.raises(ValueError, match="n=0 must be a whole number >= 1"):
        repeated_share(np.array([[1]]), np.array([1]), 0)
    with pytest.raises(ValueError, match=r"lengths\[0\]=2 must lie in 0 \.\. 1"):
        repeated_share(np.array([[1]]), np.array([2]), 1)
