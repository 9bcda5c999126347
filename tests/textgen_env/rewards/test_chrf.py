"""chrF as a reward, against sacrebleu."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from support.answers import LETTERS, WORDS, Answers, random_texts
from textgen_env.rewards.chrf import ChrfReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward

VOCABULARIES = {"words": WORDS, "letters": LETTERS}


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), word_order=st.sampled_from([0, 2]), vocabulary=st.sampled_from(sorted(VOCABULARIES)))
def test_scores_are_sacrebleus(seed: int, word_order: int, vocabulary: str) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(VOCABULARIES[vocabulary], seed)
    tokens, lengths, _ = random_texts(rng, task, 12)
    rows = rng.choice(task.sources.pool, size=12)
    scores = ChrfReward(word_order=word_order).bind(task).score(tokens, lengths, task.sources.take(rows))
    judge = CHRF(word_order=word_order)
    for score, text, row in zip(scores, tokens, rows, strict=True):
        references = [task.vocabulary.decode(each) for each in task.of_source(row)]
        expected = judge.sentence_score(task.vocabulary.decode(text), references).score / 100
        assert score == pytest.approx(expected, abs=1e-12)


def test_without_sources_the_best_of_all_references_counts() -> None:
    task = CaptionsTask(train_size=50, test_size=10)
    texts, data = task.test_sequences(), task.references()
    references = [task.vocabulary.decode(each) for each in data.tokens]
    scores = ChrfReward().bind(task).score(texts.tokens, texts.lengths)
    expected = [CHRF().sentence_score(task.vocabulary.decode(text), references).score / 100 for text in texts.tokens]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
    assert ChrfReward().bind(task).score(data.tokens, data.lengths).tolist() == [1.0] * 50


@pytest.mark.parametrize("word_order", [0, 2])
@pytest.mark.parametrize("kind", ["words", "letters", "captions", "tiny"])
def test_it_is_a_reward(kind: str, word_order: int) -> None:
    task: Any
    if kind in VOCABULARIES:
        task = Answers(VOCABULARIES[kind], 3)
    else:
        task = CaptionsTask(train_size=20, test_size=5) if kind == "captions" else TinyTask(train_size=9)
    check_reward(ChrfReward(word_order=word_order), task, tolerance=1e-9)


def test_on_the_echo_task(echo_task: Any) -> None:
    check_reward(ChrfReward(), echo_task, tolerance=1e-9)
    texts = echo_task.training_sequences()
    reward = ChrfReward().bind(echo_task)
    assert reward.score(texts.tokens, texts.lengths, echo_task.sources.take(texts.sources)).tolist() == [1.0] * 39


def test_by_name_in_the_game_of_number_words() -> None:
    env: Any = gym.make("TextGen-NumberWords-v0", reward={"name": "chrf", "word_order": 2}, max_number=60)
    env.reset(seed=0, options={"source": 21})
    returns = [env.step(token)[1] for token in env.unwrapped.task.vocabulary.encode(["vingt", "<eos>"])]
    assert returns == [0.0, pytest.approx(CHRF(word_order=2).sentence_score("vingt", ["vingt et un"]).score / 100)]


def test_refuses() -> None:
    task = Answers()
    text = np.array([[1, 0]]), np.array([2])
    with pytest.raises(ValueError, match="char_order=0 must be a whole number >= 1"):
        ChrfReward(char_order=0)
    with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
        ChrfReward().score(*text)
    reward = ChrfReward().bind(task)
    assert reward.bind(task) is reward
    with pytest.raises(ValueError, match="sources=None"):
        reward.score(*text)
    with pytest.raises(ValueError, match="groups holds 1, a group without references"):
        reward.score(*text, task.sources.take(np.array([1])))
