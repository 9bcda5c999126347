"""Length as a reward, by its definition, and token by token by hand."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.answers import LETTERS, WORDS, Answers, random_texts
from textgen_env.core import GenerationCore
from textgen_env.rewards.length import LengthReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.tasks.number_words import NumberWordsTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward

OUTPUTS = ["negative", "ratio"]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    target=st.none() | st.integers(1, 9),
    output=st.sampled_from(OUTPUTS),
    vocabulary=st.sampled_from([WORDS, LETTERS]),
)
def test_lengths_are_beside_those_wanted(seed: int, target: int | None, output: Any, vocabulary: Any) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(vocabulary, seed)
    tokens, lengths, _ = random_texts(rng, task, 12)
    rows = rng.choice(task.sources.pool, size=12)
    scores = LengthReward(target, output).bind(task).score(tokens, lengths, task.sources.take(rows))
    for score, text, row in zip(scores, tokens, rows, strict=True):
        wanted = target or np.mean([len(each) for each in task.of_source(row)])
        length = sum(0 < token < task.vocabulary.blank_id for token in text)
        expected = length / max(wanted, 1) if output == "ratio" else -abs(length - wanted) / max(wanted, 1)
        assert score == pytest.approx(expected, abs=1e-12)


def test_without_sources_the_mean_of_all_references_is_wanted() -> None:
    task = CaptionsTask(train_size=30, test_size=5)
    texts, data = task.test_sequences(), task.references()
    wanted = (task.vocabulary.content_lengths(data.tokens, data.lengths)).mean()
    own = task.vocabulary.content_lengths(texts.tokens, texts.lengths)
    np.testing.assert_allclose(LengthReward(output="ratio").bind(task).score(*texts[:2]), own / wanted)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("target", [None, 2, 30])
def test_it_is_a_reward(target: int | None, output: Any, echo_task: Any) -> None:
    for task in (TinyTask(train_size=9), Answers(LETTERS), echo_task, NumberWordsTask(max_number=60)):
        check_reward(LengthReward(target, output), task, tolerance=1e-9)
    check_reward(LengthReward(target, output), CaptionsTask(train_size=20, test_size=5), tolerance=1e-9)


def test_payments_by_hand() -> None:
    task = Answers()
    paid = {}
    for output in OUTPUTS:
        core = GenerationCore(task, LengthReward(2, output), 2, reward_mode="dense")
        core.reset(source=np.array([0, 0]))
        core.step(np.array([1, 0]))
        longer = [float(core.step(np.array([token]), np.array([0])).rewards[0]) for token in (1, 1, 1, 0)]
        paid[output] = longer, core.returns.tolist()
    assert paid["negative"] == ([0, -0.5, -0.5, 0], [-1, -1])
    assert paid["ratio"] == ([0.5, 0.5, 0.5, 0], [2, 0])


def test_by_name() -> None:
    env: Any = gym.make("TextGen-NumberWords-v0", reward={"name": "length", "output": "ratio"}, max_number=60)
    env.reset(seed=0, options={"source": 21})
    assert [env.step(token)[1] for token in env.unwrapped.task.vocabulary.encode(["vingt", "<eos>"])] == [0, 1 / 3]


def test_refuses() -> None:
    task = Answers()
    text = np.array([[1, 0]]), np.array([2])
    with pytest.raises(ValueError, match="target=0 must be a whole number >= 1"):
        LengthReward(target=0)
    with pytest.raises(TypeError, match=r"target=2\.5 must be a whole number"):
        LengthReward(target=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="output='share' must be one of 'negative', 'ratio'"):
        LengthReward(output="share")  # type: ignore[arg-type]
    for given_target in (None, 2):
        with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
            LengthReward(given_target).score(*text)
    reward = LengthReward().bind(task)
    assert reward.bind(task) is reward
    with pytest.raises(ValueError, match="sources=None"):
        reward.score(*text)
    with pytest.raises(ValueError, match=r"holds 1, a source without references; .* or give a target"):
        reward.score(*text, task.sources.take(np.array([1])))
    assert LengthReward(1).bind(task).score(*text).tolist() == [0.0]


def test_a_target_needs_no_references(no_repeat_task: Any) -> None:
    check_reward(LengthReward(3), no_repeat_task, tolerance=1e-9)
    with pytest.raises(ValueError, match="NoRepeatTask has no training data"):
        LengthReward().bind(no_repeat_task)
