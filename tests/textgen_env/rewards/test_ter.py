"""Translation edit rate as a reward, against sacrebleu."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.ter import TER

from support.answers import LETTERS, WORDS, Answers, random_texts
from textgen_env.rewards.ter import TerReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.testing import check_reward
from textgen_env.vocabulary import Vocabulary

MARKED = Vocabulary(["<eos>", "A", "a", "b.", "(b)", "中文", "。"], eos="<eos>")
VOCABULARIES = {"words": WORDS, "letters": LETTERS, "marked": MARKED}
SETTINGS = ("normalized", "no_punct", "asian_support", "case_sensitive")


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    chosen=st.sets(st.sampled_from(SETTINGS)),
    output=st.sampled_from(["accuracy", "negative"]),
    vocabulary=st.sampled_from(sorted(VOCABULARIES)),
)
def test_scores_are_sacrebleus(seed: int, chosen: set[str], output: Any, vocabulary: str) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(VOCABULARIES[vocabulary], seed)
    tokens, lengths, _ = random_texts(rng, task, 12)
    rows = rng.choice(task.sources.pool, size=12)
    form: dict[str, Any] = dict.fromkeys(chosen, True)
    scores = TerReward(output, **form).bind(task).score(tokens, lengths, task.sources.take(rows))
    for score, text, row in zip(scores, tokens, rows, strict=True):
        references = [task.vocabulary.decode(each) for each in task.of_source(row)]
        rate = TER(**form).sentence_score(task.vocabulary.decode(text), references).score / 100
        assert score == pytest.approx(1 - rate if output == "accuracy" else -rate, abs=1e-12)


def test_a_phrase_that_is_moved_is_one_edit() -> None:
    task = Answers()
    task._references = task._references._replace(
        tokens=np.array([[1, 2, 5, 3, 4, 0, 6]] * 4), lengths=np.array([6] * 4), sources=task.sources.pool
    )
    moved, empty = [3, 4, 1, 2, 5, 0, 6], [0, 6, 6, 6, 6, 6, 6]
    tokens, rows = np.array([moved, empty]), task.sources.take(np.array([0, 0]))
    assert TerReward().bind(task).score(tokens, np.array([6, 1]), rows).tolist() == pytest.approx([0.8, 0.0])


@pytest.mark.parametrize("output", ["accuracy", "negative"])
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_it_is_a_reward(vocabulary: str, output: Any) -> None:
    check_reward(TerReward(output), Answers(VOCABULARIES[vocabulary], 3), tolerance=1e-9)


def test_it_is_a_reward_of_other_tasks(echo_task: Any) -> None:
    check_reward(TerReward(), echo_task, tolerance=1e-9)
    check_reward(TerReward(), CaptionsTask(train_size=6, test_size=2), texts=6, tolerance=1e-9)


def test_by_name_in_the_game_of_number_words() -> None:
    env: Any = gym.make("TextGen-NumberWords-v0", reward="ter", reward_mode="dense", max_number=60)
    env.reset(seed=0, options={"source": 21})
    returns = [env.step(token)[1] for token in env.unwrapped.task.vocabulary.encode(["vingt", " et", " un", "<eos>"])]
    assert returns == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_refuses() -> None:
    task = Answers()
    text = np.array([[1, 0]]), np.array([2])
    with pytest.raises(ValueError, match="output='ter' must be one of 'accuracy', 'negative'"):
        TerReward(output="ter")  # type: ignore[arg-type]
    for name in SETTINGS:
        wrong: Any = {name: 1}
        with pytest.raises(TypeError, match=f"{name}=1 must be True or False"):
            TerReward(**wrong)
    with pytest.raises(ValueError, match="max_references=0 must be a whole number >= 1"):
        TerReward(max_references=0)
    captions = CaptionsTask(train_size=40, test_size=2)
    said = "CaptionsTask has up to 40 references, more than max_references=32.*raise max_references, .* 'chrf' or"
    with pytest.raises(ValueError, match=said):
        TerReward().bind(captions)
    TerReward(max_references=40).bind(captions)
    with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
        TerReward().score(*text)
    reward = TerReward().bind(task)
    assert reward.bind(task) is reward
    with pytest.raises(ValueError, match="sources=None"):
        reward.score(*text)
    with pytest.raises(ValueError, match="holds 1, a source without references"):
        reward.score(*text, task.sources.take(np.array([1])))
