"""BLEU of texts with unknown words."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu

from textgen_env.rewards.bleu import BleuReward
from textgen_env.tasks.corpus import CorpusTask
from textgen_env.testing import check_reward


def test_an_unknown_word_is_matched_by_nothing() -> None:
    texts = ["a dog runs .", "a cat runs .", "a dog sleeps .", "a hen runs .", "a cow sleeps ."]
    task = CorpusTask(texts=texts, test_size=1, min_count=2)
    unknown = task.vocabulary.unknown_id
    training = task.training_sequences()
    assert (training.tokens == unknown).any()
    for boundaries in (False, True):
        reward = BleuReward(boundaries=boundaries)
        bound = reward.bind(task)
        written = np.full((1, task.max_length), unknown)
        assert bound.score(written, np.array([task.max_length]))[0] < 0.2
        scores = bound.score(training.tokens, training.lengths)
        has = (training.tokens == unknown).any(1)
        assert (scores[~has] == 1.0).all()
        assert (scores[has] < 1.0).all()
        check_reward(BleuReward(boundaries=boundaries), task)
        # Sacrebleu says so of words that are all different.
        for tokens, length, score in zip(training.tokens, training.lengths, scores, strict=True):
            if boundaries:
                continue
            words = [str(token) for token in tokens[: length - 1]]
            ours = [f"mine{i}" if word == str(unknown) else word for i, word in enumerate(words)]
            theirs = [
                " ".join(f"theirs{i}" if token == unknown else str(token) for i, token in enumerate(row[: n - 1]))
                for row, n in zip(training.tokens, training.lengths, strict=True)
            ]
            expected = sacrebleu.sentence_bleu(" ".join(ours), theirs, tokenize="none").score / 100
            assert score == pytest.approx(expected, abs=1e-9)
