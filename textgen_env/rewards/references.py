"""References of a conditional task, source by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgen_env.checks import check_room
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray, Texts


@dataclass(frozen=True)
class SourceReferences:
    """The references of each row of a source table, as rows of symbols: tokens, or characters.

    Attributes:
        symbols: (M, K, R) int64 symbols >= 0, left aligned; -1 after the end.
        lengths: (M, K) int64; -1 where a source has fewer than K references.
    """

    symbols: IntArray
    lengths: IntArray

    @classmethod
    def of(cls, rows: IntArray, references: Sequence[IntArray], num_sources: int) -> SourceReferences:
        """The references, each an array of symbols, of the source rows (number of references,).

        Raises:
            ValueError: so many that they take more memory than one array may.
        """
        counts = np.bincount(rows, minlength=num_sources)
        most, width = int(counts.max(initial=0)), max(map(len, references), default=0)
        check_room(f"{num_sources} sources, up to {most} references a source", num_sources, most, width)
        symbols = np.full((num_sources, most, width), -1, np.int64)
        lengths = np.full((num_sources, most), -1, np.int64)
        filled = [0] * num_sources
        for row, reference in zip(rows.tolist(), references, strict=True):
            symbols[row, filled[row], : len(reference)] = reference
            lengths[row, filled[row]] = len(reference)
            filled[row] += 1
        return cls(symbols, lengths)

    def check_known(self, rows: IntArray) -> None:
        """Refuses source rows (N,) without a reference.

        Raises:
            ValueError: naming the first of them.
        """
        unknown = (self.lengths[rows] < 0).all(1)
        if unknown.any():
            raise ValueError(
                f"sources.indices holds {rows[unknown][0]}, a source without references; play sources that have one"
            )


def rows_of_sources(task: Task, sources: Sources | None) -> IntArray | None:
    """The source rows (N,) whose references texts are compared with; None for an unconditional task.

    Raises:
        ValueError: a conditional task's sources are missing.
    """
    if task.sources is None:
        return None
    if sources is None:
        raise ValueError("sources=None: the task is conditional; give the sources that the texts answer to")
    return sources.indices


def rows_of_references(task: Task, references: Texts) -> IntArray | None:
    """The source row of each reference; None for an unconditional task.

    Raises:
        ValueError: the references of a conditional task do not name their sources, or leave out one that is played.
    """
    if task.sources is None:
        return None
    if references.sources is None:
        raise ValueError(f"{type(task).__name__}.references() must name the source row of each reference in `sources`")
    missing = np.setdiff1d(task.sources.pool, references.sources)
    if len(missing):
        raise ValueError(
            f"{type(task).__name__}.references() has none for {len(missing)} of the rows in sources.pool, "
            f"the first of them {missing[0]}; give each source at least one reference"
        )
    return references.sources


def decoded_texts(task: Task, tokens: IntArray, lengths: IntArray) -> list[str]:
    """The strings of texts (N, T), (N,), without their end tokens."""
    content = task.vocabulary.content_lengths(tokens, lengths).tolist()
    return [task.vocabulary.text_of(text[:length].tolist()) for text, length in zip(tokens, content, strict=True)]
