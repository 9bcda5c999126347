"""A random reward for every token after every prefix: the reward of tasks that are solved exactly."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np

from textgen_env.checks import check_at_least
from textgen_env.rewards.base import BaseReward, FloatArray
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray

MOST_ENTRIES = 10_000_000


class TableReward(BaseReward):
    """score(x_1 .. x_L) = sum_t r(x_1 .. x_t), each r drawn from N(0, 1); no unit.

    Args:
        seed: of the table.
    """

    name = "table"
    default_mode = "dense"

    def __init__(self, seed: int = 0) -> None:
        self.seed = check_at_least("seed", seed, least=0)
        self._levels: list[FloatArray] = []
        self._vocab_size = 0

    def bind(self, task: Task) -> Self:
        """The table for the task's vocabulary and horizon.

        Raises:
            ValueError: a table of more than ten million entries.
        """
        vocab_size, horizon = len(task.vocabulary), task.max_length
        entries = 0
        for length in range(1, horizon + 1):
            entries += vocab_size**length
            if entries > MOST_ENTRIES:
                raise ValueError(
                    f"reward 'table': vocab_size={vocab_size} and max_length={horizon} need more than {MOST_ENTRIES} "
                    "entries; make either smaller"
                )
        bound = copy(self)
        rng = np.random.default_rng(self.seed)
        bound._levels = [rng.standard_normal(vocab_size**t) for t in range(1, horizon + 1)]
        bound._vocab_size = vocab_size
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The sums (N,) along each text."""
        if not self._levels:
            raise ValueError("reward 'table' is not bound to a task; use reward.bind(task)")
        scores = np.zeros(len(tokens))
        node = np.zeros(len(tokens), np.int64)
        for t in range(int(lengths.max(initial=0))):
            written = lengths > t
            node = np.where(written, node * self._vocab_size + tokens[:, t], 0)
            scores += np.where(written, self._levels[t][node], 0.0)
        return scores
