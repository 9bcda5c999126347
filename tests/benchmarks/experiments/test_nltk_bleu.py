"""BLEU as NLTK 3.2 computed it, against the formula written out."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from benchmarks.experiments.nltk_bleu import NltkBleu
from textgen_env.rewards.bleu import BleuReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward


def ngrams(text: list[int], n: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))


def written_out(text: list[int], references: list[list[int]], K: int) -> float:
    logs = []
    for n in range(1, K + 1):
        most: Counter[tuple[int, ...]] = Counter()
        for reference in references:
            most |= ngrams(reference, n)
        own = ngrams(text, n)
        matches = sum((own & most).values())
        if matches:
            logs.append(math.log(matches / own.total()) / K)
    if not logs:
        return 0.0
    closest = min((abs(len(r) - len(text)), len(r)) for r in references)[1]
    penalty = 1.0 if len(text) >= closest else math.exp(1 - closest / len(text))
    return penalty * math.exp(sum(logs))


@pytest.mark.parametrize("K", [2, 3, 4])
def test_orders_without_a_match_are_left_out_of_the_sum(K: int) -> None:
    task = CaptionsTask(train_size=300, test_size=40)
    reward = NltkBleu(K, share=0.3).bind(task)
    texts = task.test_sequences()
    rng = np.random.default_rng(0)
    # Some tokens at random: fewer and fewer matches.
    noise = rng.random(texts.tokens.shape) < np.linspace(0, 1, len(texts.tokens))[:, None]
    written = np.arange(task.max_length) < (texts.lengths - 1)[:, None]
    drawn = rng.integers(1, len(task.vocabulary), texts.tokens.shape)
    tokens = np.where(noise & written, drawn, texts.tokens)
    training = task.references()
    kept = np.random.default_rng(0).random(len(training.tokens)) < 0.3
    rows = zip(training.tokens[kept], training.lengths[kept], strict=True)
    references = [row[: length - 1].tolist() for row, length in rows]
    expected = [
        written_out(row[: length - 1].tolist(), references, K)
        for row, length in zip(tokens, texts.lengths, strict=True)
    ]
    found = reward.score(tokens, texts.lengths)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    plain = BleuReward(K, "none", effective_order=False).bind(task).score(tokens, texts.lengths)
    # The test has texts of both kinds.
    assert 3 < (plain > 0).sum() < 37
    assert (found[plain == 0] > 0).any()


def test_fewer_matches_may_score_higher() -> None:
    """The first example is that of nltk/nltk issue 1554."""

    class LetItGo(TinyTask):
        def references(self) -> Any:
            return self.test_sequences()._replace(tokens=np.array([[1, 2, 3]]), lengths=np.array([3]))

    reward = NltkBleu(4, share=1).bind(LetItGo(vocab_size=5, max_length=3))
    scores = reward.score(np.array([[1, 3, 2], [1, 2, 3], [2, 3, 1], [4, 4, 4]]), np.full(4, 3))
    np.testing.assert_allclose(scores, [1, 1, (1 / 2) ** (1 / 4), 0])


def test_it_is_a_reward_by_import_path() -> None:
    check_reward(NltkBleu(), TinyTask(vocab_size=4, max_length=4))
    envs = gym.make_vec(
        "TextGen-OracleSmall-v0",
        2,
        reward={"name": "benchmarks.experiments.nltk_bleu:NltkBleu", "share": 0.5},
        train_size=50,
    )
    assert envs.unwrapped.reward.share == 0.5
    known = envs.unwrapped.task.training_sequences().tokens
    assert (envs.unwrapped.score(known) == 1).sum() > 10


def test_wrong_arguments_are_refused(echo_task: Any) -> None:
    for share in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=rf"share={share!r} must be above 0 and at most 1"):
            NltkBleu(share=share)
    with pytest.raises(ValueError, match="max_order"):
        NltkBleu(0)
    with pytest.raises(ValueError, match="the task is conditional"):
        NltkBleu().bind(echo_task)
    with pytest.raises(ValueError, match=r"share=1e-09 keeps none of \d+ references"):
        NltkBleu(share=1e-9).bind(TinyTask())
    with pytest.raises(RuntimeError, match="NltkBleu is not bound"):
        NltkBleu().score(np.ones((1, 5), np.int64), np.array([5]))
