"""Exact match as a reward."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np

from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode
from textgen_env.rewards.references import rows_of_references, rows_of_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class ExactMatchReward(BaseReward):
    """Whether a text is one of its references, token for token: 1 or 0. The end token is left out, so that a text which
    the horizon cuts may be one as well.

    A conditional task's text is compared with the references of its own source, an unconditional task's with all; the
    mean over texts is the rate that is reported as exact match, or as accuracy of whole sequences. Paid at the end of
    the text by default; paid densely, a text earns 1 when it becomes a reference and loses it again when it goes on.
    """

    name = "exact_match"
    default_mode: RewardMode = "terminal"

    def __init__(self) -> None:
        self._task: Task | None = None
        self._known: frozenset[tuple[int, bytes]] = frozenset()

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's references; itself where it is bound to this very task already.

        Raises:
            ValueError: a task without references, or a conditional one whose references do not name their source or
                leave out a source that is played.
        """
        if task is self._task:
            return self
        references = task.references()
        bound = copy(self)
        bound._task = task
        rows = rows_of_references(task, references)
        bound._known = frozenset(_keys(task, references.tokens, references.lengths, rows))
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """1 or 0 (N,) of texts (N, T), (N,); 0 of a source without references.

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: `sources` missing for a conditional task.
        """
        if self._task is None:
            raise RuntimeError(
                "ExactMatchReward is not bound: it has no references yet; use reward.bind(task), as an env does"
            )
        keys = _keys(self._task, tokens, lengths, rows_of_sources(self._task, sources))
        return np.array([key in self._known for key in keys], np.float64)


def _keys(task: Task, tokens: IntArray, lengths: IntArray, rows: IntArray | None) -> list[tuple[int, bytes]]:
    """The source row of each text, 0 without sources, and the bytes of its tokens."""
    content = task.vocabulary.content_lengths(tokens, lengths).tolist()
    groups = [0] * len(content) if rows is None else rows.tolist()
    texts = np.asarray(tokens, np.int64)
    return [(group, text[:length].tobytes()) for group, text, length in zip(groups, texts, content, strict=True)]
