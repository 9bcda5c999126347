"""The checks for a user's own task and reward find what is wrong, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from textgen_env.rewards.base import BaseReward
from textgen_env.rewards.table import TableReward
from textgen_env.tasks.oracle import OracleTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward, check_task
from textgen_env.vocabulary import Texts


@pytest.mark.parametrize("task", [TinyTask(), OracleTask(vocab_size=7, max_length=4, train_size=5, test_size=5)])
def test_sound_tasks_pass(task):
    check_task(task)


def test_sound_rewards_pass():
    check_reward(TableReward(), TinyTask())
    check_reward(lambda tokens, lengths, sources=None: lengths / 2, TinyTask())


class _LongTexts(TinyTask):
    def training_sequences(self):
        texts = super().training_sequences()
        return Texts(texts.tokens, np.full_like(texts.lengths, self.max_length))


class _NoChoice(TinyTask):
    def allowed_tokens(self, tokens, lengths):
        return np.zeros((len(tokens), len(self.vocabulary)), bool)


@pytest.mark.parametrize(("task", "message"), [(_LongTexts(), "beyond the vocabulary"), (_NoChoice(), "no token")])
def test_unsound_tasks_are_named(task, message):
    with pytest.raises(AssertionError, match=message):
        check_task(task)


class _LooksAtTheBatch(BaseReward):
    def score(self, tokens, lengths, sources=None):
        return lengths - lengths.mean()


class _PaysTwice(BaseReward):
    def score(self, tokens, lengths, sources=None):
        return lengths * 1.0

    def extend(self, state, tokens, lengths, sources=None):
        return {self.name: 2.0 * lengths}, {}


@pytest.mark.parametrize(
    ("reward", "message"), [(_LooksAtTheBatch(), "differ"), (_PaysTwice(), "terminal and dense differ")]
)
def test_unsound_rewards_are_named(reward, message):
    with pytest.raises(AssertionError, match=message):
        check_reward(reward, TinyTask())
