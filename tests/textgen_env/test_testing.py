"""The checks for a user's own task and reward find what is wrong, and nothing where nothing is."""

from __future__ import annotations

import subprocess
import sys

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


class _DeadEnd(TinyTask):
    """Nothing may follow two tokens."""

    def allowed_tokens(self, tokens, lengths):
        allowed = np.ones((len(tokens), len(self.vocabulary)), bool)
        allowed[lengths == 2] = False
        return allowed


class _RareDeadEnd(TinyTask):
    """Nothing may follow one token that training texts do not have at that place."""

    def allowed_tokens(self, tokens, lengths):
        allowed = np.ones((len(tokens), len(self.vocabulary)), bool)
        allowed[(lengths == 4) & (tokens[:, 0] == 1) & (tokens[:, 1] == 1)] = False
        return allowed


class _ForbidsItsOwnTexts(TinyTask):
    def allowed_tokens(self, tokens, lengths):
        allowed = np.ones((len(tokens), len(self.vocabulary)), bool)
        allowed[:, 1] = False
        return allowed


class _OtherType(TinyTask):
    def allowed_tokens(self, tokens, lengths):
        return np.ones((len(tokens), len(self.vocabulary)), int)


class _WritesIntoPrefixes(TinyTask):
    def allowed_tokens(self, tokens, lengths):
        tokens[:] = 0


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (_LongTexts(), "beyond the vocabulary"),
        (_NoChoice(), "no token to begin with"),
        (_DeadEnd(), r"no token after the prefix \[\d, \d\] \('.*'\); after 2 of \d tokens"),
        (_RareDeadEnd(), r"no token after the prefix \[1, 1, "),
        (_ForbidsItsOwnTexts(), "forbids token 1 of training text"),
        (_OtherType(), "type int64, expected bool"),
        (_WritesIntoPrefixes(), "changes the tokens|read-only"),
    ],
)
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


@pytest.mark.parametrize("optimised", [False, True])
def test_checks_are_made_under_python_o_as_well(optimised):
    code = (
        "from textgen_env.testing import check_task, check_reward\n"
        "from agents.testing import check_agent\n"
        "from textgen_env.tasks.tiny import TinyTask\n"
        "import numpy as np\n"
        "class NoChoice(TinyTask):\n"
        "    def allowed_tokens(self, tokens, lengths): return np.zeros((len(tokens), len(self.vocabulary)), bool)\n"
        "calls = [lambda: check_task(NoChoice()), lambda: check_agent(object)]\n"
        "calls.append(lambda: check_reward(lambda tokens, lengths: lengths - lengths.mean(), TinyTask()))\n"
        "for call in calls:\n"
        "    try: call()\n"
        "    except AssertionError: continue\n"
        "    raise SystemExit('passed what does not hold')\n"
    )
    done = subprocess.run([sys.executable, *(["-O"] if optimised else []), "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
