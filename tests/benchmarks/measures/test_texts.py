"""Measures of a policy's texts as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.measures.measured import Measured, NotApplicable
from benchmarks.measures.measures import MEASURES
from textgen_env import Texts
from textgen_env.metrics import BleuScorer
from textgen_env.metrics.kneser_ney import KneserNey
from textgen_env.tasks.corpus import CorpusTask
from textgen_env.tasks.tiny import TinyTask

POLICY: Any = None


def test_repetition_and_fluency_are_those_of_the_metrics() -> None:
    task = TinyTask(train_size=50)
    # The end token is 0, the blank 4.
    texts = Texts(np.array([[1, 2, 1, 2, 0], [1, 1, 1, 1, 1], [3, 0, 4, 4, 4]]), np.array([5, 5, 2]))
    subject = Measured(POLICY, texts, task, None)
    assert MEASURES["repetition_2"](subject).value == pytest.approx((1 / 3 + 3 / 4 + 0) / 3)
    assert MEASURES["repetition_3"](subject).value == pytest.approx((0 + 2 / 3 + 0) / 3)
    model = KneserNey.of_texts(*task.training_sequences()[:2], 4)
    found = MEASURES["fluency"](subject)
    assert found.value == pytest.approx(-model.log_prob(texts.tokens, texts.lengths).sum() / 12)
    assert found.error > 0


def test_bleu_matches_unknown_words_with_nothing_and_self_bleu_with_themselves(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("a b z c\na b y c\n")
    known = ["a b c d", "a b c e", "a b c d", "a b c e"]
    task = CorpusTask(texts=known, test_path=str(tmp_path / "test.txt"), min_count=2, max_length=6)
    unknown = task.vocabulary.unknown_id
    assert unknown is not None
    data = task.test_sequences()
    assert (data.tokens == unknown).sum() == 2
    subject = Measured(POLICY, data, task, data)
    # As if the unknown word of each were another's: its texts have no more than "a b" and "c" in common with them.
    apart = data.tokens.copy()
    apart[data.tokens == unknown] = len(task.vocabulary) + 5
    content = task.vocabulary.content_lengths(data.tokens, data.lengths)
    expected = BleuScorer.of_texts(apart, content, max_order=2, smooth_method="floor").score(data.tokens, content)
    assert MEASURES["bleu_2"](subject).value == pytest.approx(expected.mean())
    assert MEASURES["bleu_2"](subject).value < 0.8
    assert MEASURES["nltk_bleu_2"](subject).value < 0.8
    assert MEASURES["self_bleu_2"](subject).value == pytest.approx(1)


def test_what_does_not_apply_says_why(no_repeat_task: Any) -> None:
    subject = Measured(POLICY, Texts(np.array([[1, 0, 4, 4, 4]]), np.array([2])), no_repeat_task, None)
    with pytest.raises(NotApplicable, match="the task has no training data"):
        MEASURES["fluency"](subject)
    short = TinyTask(max_length=2, train_size=5)
    with pytest.raises(NotApplicable, match="no text is longer than 2 tokens"):
        MEASURES["repetition_3"](Measured(POLICY, short.all_texts(), short, None))
