"""Fluency under an n-gram model as a reward."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np

from textgen_env.checks import check_bool
from textgen_env.metrics.kneser_ney import KneserNey
from textgen_env.metrics.ngrams import checked_order
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode, RewardState, Terms
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class FluencyReward(BaseReward):
    """Log-likelihood of a text, in nats, under an interpolated Kneser-Ney n-gram model of the task's training texts.

    score(x) = sum_t log p(x_t | x_{t-n+1} .. x_{t-1}), as `textgen_env.metrics.kneser_ney.KneserNey` defines it (Chen
    and Goodman 1999). The end token is a token like any other, the begin symbol a context; a text that is cut at the
    horizon has no end token to pay for. It is at most 0, and as no token has probability 0 it is finite. A conditional
    task's sources are not looked at.

    Paid densely by default: a token earns its own log-probability. The likeliest text is the likeliest of all lengths,
    hence a short one; with `per_token` the score is divided by the tokens of the text, in nats a token, which a text
    that repeats a likely phrase makes the most of. Either is a part of a sum rather than a whole aim.

    Args:
        order: n, the longest n-gram.
        per_token: whether the sum is divided by the length of the text, the end token included.

    Raises:
        TypeError: an order that is no whole number, or a per_token that is not True or False.
        ValueError: order < 1, or above `textgen_env.metrics.ngrams.MOST_ORDERS`.
    """

    name = "fluency"
    default_mode: RewardMode = "dense"

    def __init__(self, order: int = 3, per_token: bool = False) -> None:
        self.order = checked_order("order", order)
        check_bool("per_token", per_token)
        self.per_token = bool(per_token)
        self._task: Task | None = None
        self._model: KneserNey | None = None

    def bind(self, task: Task) -> Self:
        """A copy that has the model of the task's training texts; itself where it is bound to this very task already.

        Raises:
            ValueError: a task without training texts.
        """
        if task is self._task:
            return self
        texts = task.training_sequences()
        bound = copy(self)
        bound._task = task
        bound._model = KneserNey.of_texts(texts.tokens, texts.lengths, len(task.vocabulary), self.order)
        return bound

    @property
    def model(self) -> KneserNey:
        """The model of the training texts.

        Raises:
            RuntimeError: the reward is not bound to a task.
        """
        if self._model is None:
            raise RuntimeError("FluencyReward is not bound: it has no model yet; use reward.bind(task), as an env does")
        return self._model

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """log p (N,) of texts (N, T), (N,), in nats, or nats a token.

        Raises:
            RuntimeError: the reward is not bound to a task.
        """
        return self._scores(self.model.log_prob(tokens, lengths), lengths)

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The prefix scores; "log_prob" (N,) float64, their log p in nats; and "contexts" (N, n - 1) int64, the ids of
        the last n-grams of each prefix."""
        contexts, log_prob = self.model.start(len(tokens)), np.zeros(len(tokens))
        for t in range(int(lengths.max(initial=0))):
            rows = np.flatnonzero(lengths > t)
            added, contexts[rows] = self.model.step(contexts[rows], tokens[rows, t])
            log_prob[rows] += added
        return {"total": self._scores(log_prob, lengths), "log_prob": log_prob, "contexts": contexts}

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """The scores of the prefixes with one more token, by one look-up for each order."""
        last = tokens[np.arange(len(tokens)), lengths - 1]
        added, contexts = self.model.step(state["contexts"], last)
        log_prob = state["log_prob"] + added
        return {self.name: self._scores(log_prob, lengths)}, {"log_prob": log_prob, "contexts": contexts}

    def check_state(self, state: RewardState) -> None:
        """Refuses what is no state of prefixes.

        Raises:
            ValueError: naming the entry.
        """
        sizes = [self.model.vocab_size + 1, *(len(level.keys) for level in self.model.levels)][: self.order - 1]
        contexts = state["contexts"]
        if (contexts < -1).any() or (contexts >= np.array(sizes, np.int64)).any():
            raise ValueError("state: entry 'contexts' is not that of prefixes; restore what snapshot() returned")
        if not np.isfinite(state["log_prob"]).all():
            raise ValueError("state: entry 'log_prob' is not finite; restore what snapshot() returned")

    def _scores(self, log_prob: FloatArray, lengths: IntArray) -> FloatArray:
        return log_prob / np.maximum(lengths, 1) if self.per_token else log_prob
