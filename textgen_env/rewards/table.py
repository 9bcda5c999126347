"""A random reward for every token after every prefix: the reward of tasks that are solved exactly."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np

from textgen_env.checks import check_at_least
from textgen_env.rewards.base import BaseReward, FloatArray, RewardState, Terms, last_tokens
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
        # The levels one after another: entry `starts[t - 1] + node` is of the t tokens that `node` numbers.
        self._entries = np.zeros(0)
        self._starts = np.zeros(0, np.int64)
        self._vocab_size = 0
        # Prefixes of the longest that a token can follow; the number of one of T tokens is never read.
        self._nodes = 1

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
        sizes = [vocab_size**t for t in range(1, horizon + 1)]
        bound._entries = np.concatenate([rng.standard_normal(size) for size in sizes])
        bound._starts = np.cumsum([0, *sizes[:-1]])
        bound._vocab_size = vocab_size
        bound._nodes = vocab_size ** (horizon - 1)
        return bound

    @property
    def levels(self) -> list[FloatArray]:
        """For t = 1 .. T the (V^t,) entries r(x_1 .. x_t), x_1 the digit of most weight of an entry's place."""
        return np.split(self._entries, self._starts[1:].tolist())

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The sums (N,) along each text."""
        scores: FloatArray = self.begin(tokens, lengths)["total"]
        return scores

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The prefix scores, and "node" (N,) int64: the tokens of a prefix of less than T as digits of a number to the
        base V."""
        if not len(self._starts):
            raise ValueError("reward 'table' is not bound to a task; use reward.bind(task)")
        totals, node = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)
        for t in range(int(lengths.max(initial=0))):
            written = np.flatnonzero(lengths > t)
            node[written] = node[written] * self._vocab_size + tokens[written, t]
            totals[written] += self._entries[self._starts[t] + node[written]]
        return {"total": totals, "node": node % self._nodes}

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """One more entry of the table for each prefix."""
        node = state["node"] * self._vocab_size + last_tokens(tokens, lengths)[0]
        totals = state["total"] + self._entries.take(self._starts.take(lengths - 1) + node)
        return {self.name: totals}, {"node": node % self._nodes}

    def begin_one(self, state: RewardState, row: int) -> None:
        """No token."""
        state["node"][row] = 0

    def extend_one(self, state: RewardState, row: int, text: IntArray, length: int) -> float | None:
        """One more entry of the table."""
        node = state["node"].item(row) * self._vocab_size + text.item(length - 1)
        total: float = state["total"].item(row) + self._entries.item(self._starts.item(length - 1) + node)
        state["node"][row] = node % self._nodes
        return total

    def check_state(self, state: RewardState) -> None:
        """Refuses what is no state of prefixes.

        Raises:
            ValueError: a number of no prefix that has a token to come.
        """
        node = state["node"]
        wrong = (node < 0) | (node >= self._nodes)
        if wrong.any():
            said = f"holds {node[wrong][0]}, which numbers no prefix: 0 to {self._nodes - 1}"
            raise ValueError(f"reward 'table': node {said}; restore what snapshot() returned")
