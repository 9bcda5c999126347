"""Tasks: the Protocol that the core plays, and a base class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textgen_env.handing import Handing
from textgen_env.vocabulary import IntArray, Texts, Vocabulary


@dataclass(frozen=True)
class Sources:
    """The sources that a batch of N texts answers to.

    Attributes:
        indices: (N,) int64 rows of the task's source table.
        tokens: (N, S) int64 their token ids, blanks filled with the source vocabulary's blank.
    """

    indices: IntArray
    tokens: IntArray

    def handed(self, handing: Handing) -> Sources:
        """The same, as `handing` has it."""
        return Sources(handing(self.indices), handing(self.tokens)) if handing.to_others else self


@dataclass(frozen=True)
class SourceTable:
    """All sources of a conditional task, of every split.

    Attributes:
        vocabulary: of the sources.
        tokens: (M, S) int64, left aligned, blanks filled with the vocabulary's blank.
        pool: (K,) int64 the rows that `reset` draws from, uniformly: the split that is played.
    """

    vocabulary: Vocabulary
    tokens: IntArray
    pool: IntArray

    def take(self, indices: IntArray) -> Sources:
        """The sources in rows `indices` (N,)."""
        return Sources(indices, self.tokens.take(indices, 0))


@runtime_checkable
class Task(Protocol):
    """Task: the vocabulary, horizon, sources and data of what is written. Immutable; shared by all rows.

    Attributes:
        vocabulary: the V tokens, which are the actions.
        max_length: the horizon T, in tokens, the end token included.
        sources: the source table of a conditional task, or None.
    """

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def max_length(self) -> int: ...

    @property
    def sources(self) -> SourceTable | None: ...

    def allowed_tokens(self, tokens: IntArray, lengths: IntArray) -> NDArray[np.bool_] | None:
        """Which token may follow each prefix: (N, V) bool for prefixes (N, T), (N,), which it leaves unchanged; None
        where all may. For each prefix of a text that has not ended one must."""
        ...

    def training_sequences(self) -> Texts:
        """The texts to learn from."""
        ...

    def test_sequences(self) -> Texts:
        """The texts kept for measuring; disjoint from training where the task has a finite set of texts."""
        ...

    def references(self) -> Texts:
        """Texts that a text is compared with: the training data, or for a conditional task the references of every
        source, `sources` naming the row that each belongs to."""
        ...


class BaseTask:
    """Base of tasks: no sources, no mask, references = training data."""

    vocabulary: Vocabulary
    max_length: int
    sources: SourceTable | None = None

    def allowed_tokens(self, tokens: IntArray, lengths: IntArray) -> NDArray[np.bool_] | None:
        """None: every token may follow every prefix."""
        return None

    def training_sequences(self) -> Texts:
        """The texts to learn from; a task without data raises `ValueError`."""
        raise ValueError(f"{type(self).__name__} has no training data; choose a task that has, or an agent without")

    def test_sequences(self) -> Texts:
        """The texts kept for measuring; a task without data raises `ValueError`."""
        raise ValueError(f"{type(self).__name__} has no test data; choose a task that has")

    def references(self) -> Texts:
        """The training data."""
        return self.training_sequences()


def pad(rows: list[list[int]], width: int, blank: int) -> Texts:
    """Ragged lists of ids as `Texts`: (N, width) filled up with `blank`, and the lengths (N,).

    Raises:
        ValueError: a row longer than `width`.
    """
    lengths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
    if len(rows) and lengths.max() > width:
        raise ValueError(f"max_length={width} is too short for a text of {lengths.max()} tokens; raise it")
    tokens = np.full((len(rows), width), blank, np.int64)
    filled = np.arange(width) < lengths[:, None]
    tokens[filled] = np.concatenate([np.asarray(row, np.int64) for row in rows]) if len(rows) else 0
    return Texts(tokens, lengths)
