"""Diversity of a text among those that were written lately."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from textgen_env.checks import check_at_least
from textgen_env.metrics.ngrams import checked_order
from textgen_env.rewards.base import BaseReward, FloatArray
from textgen_env.tasks.base import Sources, Task
from textgen_env.text_checks import checked_texts
from textgen_env.vocabulary import IntArray


@dataclass(kw_only=True, eq=False)
class DiversityReward(BaseReward):
    """Novelty of a text's n-grams among the texts written lately, in [0, 1]: a part of a sum that makes the repetition
    of one text costly, as in `combine((1.0, "bleu"), (0.5, "diversity"))`.

    score(x) = 1 - mean over the n-grams g of x, n = `order`, of the share of the last `window` finished texts that
    have g: 1 of a text all of whose n-grams are new, 0 of one that is written again and again. It is 1 - the n-gram
    precision of Self-BLEU (Zhu et al. 2018, "Texygen", section 3.3), with shares in place of clipped counts, so that a
    text is not held against one like it. A text shorter than n counts as one n-gram; the end token is a token.

    The window is part of the reward, as what a discriminator has learned is: it grows with the texts that end, after
    these were scored, all of an environment's rows together, and not while `evaluating()`. `state_dict` keeps it.

    Args:
        order: n.
        window: finished texts that are remembered.

    Raises:
        TypeError, ValueError: an argument that is no whole number above 0.
    """

    name = "diversity"
    order: int = 3
    window: int = 256

    def __post_init__(self) -> None:
        self.order = checked_order("order", self.order)
        self.window = check_at_least("window", self.window)
        self._task: Task | None = None
        self._texts: deque[tuple[IntArray, frozenset[bytes]]] = deque()
        self._counts: Counter[bytes] = Counter()

    def bind(self, task: Task) -> Self:
        """A new reward that remembers nothing; itself if it is bound to this very task."""
        if task is self._task:
            return self
        bound = copy(self)
        bound._task, bound._texts, bound._counts = task, deque(), Counter()
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """1 - the mean share of the texts remembered that have each n-gram: (N,), 1 where none are remembered."""
        scores = np.ones(len(tokens))
        if self._texts:
            for row, text in enumerate(_texts_of(tokens, lengths)):
                shares = [self._counts[ngram] for ngram in _ngrams(text, self.order)]
                scores[row] -= sum(shares) / (len(shares) * len(self._texts))
        return scores

    def episodes_ended(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> None:
        """Remembers the texts, in row order, and forgets those that `window` others have followed."""
        for text in _texts_of(tokens, lengths):
            own = frozenset(_ngrams(text, self.order))
            self._texts.append((text, own))
            self._counts.update(own)
            if len(self._texts) > self.window:
                _, forgotten = self._texts.popleft()
                self._counts.subtract(forgotten)
                for ngram in forgotten:
                    if not self._counts[ngram]:
                        del self._counts[ngram]

    def state_dict(self) -> dict[str, Tensor]:
        """The texts remembered, the oldest first: "texts" (M, T) int64, blanks after the end."""
        task = self._bound()
        texts = np.full((len(self._texts), task.max_length), task.vocabulary.blank_id, np.int64)
        for row, (text, _) in enumerate(self._texts):
            texts[row, : len(text)] = text
        return {"texts": torch.from_numpy(texts)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state_dict`.

        Raises:
            ValueError: other entries, more texts than `window`, or what are no texts of the task. Nothing is changed
                then.
        """
        if state.keys() != {"texts"}:
            raise ValueError(f"state: entries {sorted(state)}, expected ['texts']; load what state_dict() returned")
        tokens, lengths = checked_texts(state["texts"].numpy(), None, self._bound())
        if len(tokens) > self.window:
            raise ValueError(f"state holds {len(tokens)} texts, more than window={self.window}")
        self._texts, self._counts = deque(), Counter()
        self.episodes_ended(tokens, lengths)

    def _bound(self) -> Task:
        if self._task is None:
            raise ValueError("reward 'diversity' is not bound to a task; use reward.bind(task)")
        return self._task


def _texts_of(tokens: IntArray, lengths: IntArray) -> list[IntArray]:
    return [row[:length].copy() for row, length in zip(tokens, lengths.tolist(), strict=True)]


def _ngrams(text: IntArray, order: int) -> list[bytes]:
    """The n-grams of a text, or where it is shorter the text itself, as bytes."""
    return [text[at : at + order].tobytes() for at in range(max(len(text) - order, 0) + 1)]
