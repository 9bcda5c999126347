"""Repetition within a text as a reward."""

from __future__ import annotations

from copy import copy
from typing import Literal, Self

from textgen_env.checks import check_choice
from textgen_env.metrics.diversity import repeated_share
from textgen_env.metrics.ngrams import checked_order
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class RepetitionReward(BaseReward):
    """Share of a text's n-grams that occurred before in it, in [0, 1]: 1 - distinct n-grams / n-grams, "seq-rep-n" of
    Welleck et al., "Neural Text Generation with Unlikelihood Training" (2020). The end token is no part of an n-gram;
    a text shorter than n repeats nothing.

    Paid at the end of the text by default; paid densely, a token earns the change of the score of the text so far.

    Args:
        order: n, the tokens of an n-gram.
        output: "negative" for minus the share, which a part of a sum with a positive weight discourages; "share" for
            the share itself.

    Raises:
        TypeError: an order that is no whole number.
        ValueError: an order out of range, or another output.
    """

    name = "repetition"
    default_mode: RewardMode = "terminal"

    def __init__(self, order: int = 2, output: Literal["negative", "share"] = "negative") -> None:
        self.order = checked_order("order", order)
        check_choice("output", output, ("negative", "share"))
        self.output = output
        self._task: Task | None = None

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's end token; itself where it is bound to this very task already."""
        if task is self._task:
            return self
        bound = copy(self)
        bound._task = task
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The share (N,) of texts (N, T), (N,), or minus it.

        Raises:
            RuntimeError: the reward is not bound to a task.
        """
        if self._task is None:
            raise RuntimeError(
                "RepetitionReward is not bound: it does not know the end token; use reward.bind(task), as an env does"
            )
        shares = repeated_share(tokens, self._task.vocabulary.content_lengths(tokens, lengths), self.order)
        return shares if self.output == "share" else 0.0 - shares
