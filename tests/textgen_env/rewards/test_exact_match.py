"""Exact match against a plain comparison of lists."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.answers import LETTERS, WORDS, Answers, random_texts
from textgen_env.core import GenerationCore
from textgen_env.rewards.exact_match import ExactMatchReward
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), vocabulary=st.sampled_from([WORDS, LETTERS]), horizon=st.integers(1, 4))
def test_a_text_is_one_of_its_sources_references_or_not(seed: int, vocabulary: Any, horizon: int) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(vocabulary, seed, horizon)
    tokens, lengths, _ = random_texts(rng, task, 12)
    own = task.references()
    tokens, lengths = np.concatenate([tokens, own.tokens]), np.concatenate([lengths, own.lengths])
    rows = np.concatenate([rng.choice(task.sources.pool, size=12), own.sources])
    scores = ExactMatchReward().bind(task).score(tokens, lengths, task.sources.take(rows))
    texts = [[token for token in text[:length].tolist() if token] for text, length in zip(tokens, lengths, strict=True)]
    expected = [float(text in task.of_source(row)) for text, row in zip(texts, rows, strict=True)]
    assert scores.dtype == np.float64
    assert scores.tolist() == expected
    assert scores[12:].all()


def test_without_sources_every_reference_counts() -> None:
    task = TinyTask(train_size=20)
    texts, known = task.all_texts(), task.references()
    scores = ExactMatchReward().bind(task).score(texts.tokens, texts.lengths)
    wanted = {tuple(text[(text > 0) & (text < 4)].tolist()) for text in known.tokens}
    assert scores.tolist() == [float(tuple(t[(t > 0) & (t < 4)].tolist()) in wanted) for t in texts.tokens]
    assert 0 < scores.sum() < len(scores)


@pytest.mark.parametrize("task", [TinyTask(vocab_size=3, max_length=3), Answers(max_length=2), Answers(LETTERS)])
def test_it_is_a_reward(task: Any) -> None:
    check_reward(ExactMatchReward(), task, texts=64, tolerance=1e-12)


def test_paid_densely_a_text_that_goes_on_loses_what_it_earned() -> None:
    env: Any = gym.make("TextGen-NumberWords-v0", reward="exact_match", reward_mode="dense", max_number=60)
    env.reset(seed=0, options={"source": 20})
    assert [env.step(token)[1] for token in env.unwrapped.task.vocabulary.encode(["vingt", " et", " un", "<eos>"])] == [
        1, -1, 0, 0,
    ]  # fmt: skip


def test_refuses() -> None:
    task = Answers()
    text = np.array([[1, 0]]), np.array([2])
    with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
        ExactMatchReward().score(*text)
    reward = ExactMatchReward().bind(task)
    assert reward.bind(task) is reward
    with pytest.raises(ValueError, match="sources=None"):
        reward.score(*text)
    assert reward.score(*text, task.sources.take(np.array([1]))).tolist() == [0.0]
    task.sources.pool[0] = 1
    with pytest.raises(ValueError, match=r"has none for 1 of the rows in sources\.pool"):
        GenerationCore(task, ExactMatchReward())
