"""Length of a text as a reward."""

from __future__ import annotations

from copy import copy
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_at_least, check_choice
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode, RewardState, Terms
from textgen_env.rewards.references import rows_of_references, rows_of_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class LengthReward(BaseReward):
    """Length of a text beside the length wanted of it, in tokens without the end token.

    The length wanted is `target`, or the mean length of the references: of a conditional task those of the text's own
    source, of an unconditional one all. Outputs are shares of the length wanted:

    - "negative": -|length - wanted| / wanted, 0 at best. Paid densely, the tokens up to the length wanted earn 0 and
      each one beyond it -1 / wanted; what is missing is paid for when the text ends.
    - "ratio": length / wanted. Paid densely, each token but the end token earns 1 / wanted.

    Where the length wanted is less than 1, as of empty references, both are numbers of tokens.

    Args:
        target: the length wanted, in tokens; None for that of the references.
        output: as above.

    Raises:
        TypeError: a target that is no whole number.
        ValueError: a target below 1, or another output.
    """

    name = "length"
    default_mode: RewardMode = "terminal"

    def __init__(self, target: int | None = None, output: Literal["negative", "ratio"] = "negative") -> None:
        self.target = None if target is None else check_at_least("target", target)
        check_choice("output", output, ("negative", "ratio"))
        self.output = output
        self._task: Task | None = None
        self._wanted: FloatArray | None = None

    def bind(self, task: Task) -> Self:
        """A copy that knows the lengths wanted; itself where it is bound to this very task already.

        Raises:
            ValueError: without a target, a task without references, or a conditional one whose references do not name
                their source or leave out a source that is played.
        """
        if task is self._task:
            return self
        bound = copy(self)
        bound._task = task
        if self.target is None:
            references = task.references()
            lengths = task.vocabulary.content_lengths(references.tokens, references.lengths)
            rows = rows_of_references(task, references)
            groups = np.zeros(len(lengths), np.int64) if rows is None else rows
            count = 1 if task.sources is None else len(task.sources.tokens)
            counts = np.bincount(groups, minlength=count)
            with np.errstate(invalid="ignore"):
                # NaN of a source without references, which is refused when it is asked for.
                bound._wanted = np.bincount(groups, lengths, count) / counts
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The output (N,) of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: without a target, `sources` missing for a conditional task, or a source without references.
        """
        return self._scores(tokens, lengths, self._wanted_of(len(tokens), sources), np.ones(len(tokens), np.bool_))

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The scores of the prefixes, of which what has not ended is not too short."""
        totals, begun = np.zeros(len(tokens)), np.flatnonzero(lengths > 0)
        if len(begun):
            given = None if sources is None else Sources(sources.indices[begun], sources.tokens[begun])
            terms, _ = self.extend({}, tokens[begun], lengths[begun], given)
            totals[begun] = terms[self.name]
        return {"total": totals}

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """The scores of the prefixes with one more token."""
        task = self._bound()
        wanted = self._wanted_of(len(tokens), sources)
        last = tokens[np.arange(len(tokens)), lengths - 1]
        ended = (lengths == task.max_length) | (last == task.vocabulary.eos_id)
        return {self.name: self._scores(tokens, lengths, wanted, ended)}, {}

    def _scores(self, tokens: IntArray, lengths: IntArray, wanted: FloatArray, ended: NDArray[np.bool_]) -> FloatArray:
        """The output (N,) of texts that have ended, or go on."""
        content = self._bound().vocabulary.content_lengths(tokens, lengths)
        unit = np.maximum(wanted, 1)
        if self.output == "ratio":
            return content / unit
        missing = np.where(ended, np.maximum(wanted - content, 0), 0)
        return 0.0 - (missing + np.maximum(content - wanted, 0)) / unit

    def _wanted_of(self, count: int, sources: Sources | None) -> FloatArray:
        """The length wanted of each of `count` texts (count,)."""
        task = self._bound()
        if self._wanted is None:
            return np.full(count, float(self.target or 0))
        rows = rows_of_sources(task, sources)
        wanted: FloatArray = self._wanted[np.zeros(count, np.int64) if rows is None else rows]
        unknown = np.isnan(wanted)
        if rows is not None and unknown.any():
            raise ValueError(
                f"sources.indices holds {rows[unknown][0]}, a source without references; play sources that have one, "
                "or give a target"
            )
        return wanted

    def _bound(self) -> Task:
        if self._task is None:
            raise RuntimeError(
                "LengthReward is not bound: it knows no length to compare with; use reward.bind(task), as an env does"
            )
        return self._task
