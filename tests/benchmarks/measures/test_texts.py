"""Measures of a policy's texts as they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.measures.measured import Measured, NotApplicable
from benchmarks.measures.measures import MEASURES
from textgen_env import Texts
from textgen_env.metrics.kneser_ney import KneserNey
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


def test_what_does_not_apply_says_why(no_repeat_task: Any) -> None:
    subject = Measured(POLICY, Texts(np.array([[1, 0, 4, 4, 4]]), np.array([2])), no_repeat_task, None)
    with pytest.raises(NotApplicable, match="the task has no training data"):
        MEASURES["fluency"](subject)
    short = TinyTask(max_length=2, train_size=5)
    with pytest.raises(NotApplicable, match="no text is longer than 2 tokens"):
        MEASURES["repetition_3"](Measured(POLICY, short.all_texts(), short, None))
