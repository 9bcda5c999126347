"""Texts of unequal length as ids, one after another, and as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_room
from textgen_env.tokenization.base import Tokenization
from textgen_env.vocabulary import IntArray, Texts

BATCH = 4_096
"""Texts that are cut at once."""


@dataclass(frozen=True)
class Ragged:
    """Texts of N lengths.

    Attributes:
        ids: (sum of lengths,) int32, text after text.
        lengths: (N,) int64.
    """

    ids: NDArray[np.int32]
    lengths: IntArray

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> IntArray:
        """(N,) int64 where each text begins in `ids`."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def rows(self) -> IntArray:
        """(sum of lengths,) int64 the text that each id belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def taken(self, kept: NDArray[np.bool_]) -> Ragged:
        """The texts that `kept` (N,) marks."""
        return self if kept.all() else Ragged(self.ids[np.repeat(kept, self.lengths)], self.lengths[kept])

    def counted(self, marked: NDArray[np.bool_]) -> IntArray:
        """How many of the marked ids (sum of lengths,) each text has: (N,) int64."""
        total = np.concatenate([[0], np.cumsum(marked)])
        ends = np.cumsum(self.lengths)
        counted: IntArray = total[ends] - total[ends - self.lengths]
        return counted

    def distinct(self, others: Ragged | None = None) -> NDArray[np.bool_]:
        """(N,) bool: which texts are the first of their like, and none of `others`."""
        seen = set() if others is None else set(others._contents())
        first = np.zeros(len(self), np.bool_)
        for position, content in enumerate(self._contents()):
            if content not in seen:
                seen.add(content)
                first[position] = True
        return first

    def _contents(self) -> Iterator[bytes]:
        content, size = self.ids.tobytes(), self.ids.itemsize
        end = 0
        for length in self.lengths.tolist():
            begin, end = end, end + length * size
            yield content[begin:end]


def encoded(texts: Iterable[str], tokenization: Tokenization, known: dict[str, int]) -> Ragged:
    """Texts cut into pieces, as ids in the order in which the pieces were first met.

    Args:
        texts: N of them.
        tokenization: cuts them.
        known: piece -> id; what is met anew is added.
    """
    ids: list[NDArray[np.int32]] = []
    lengths: list[int] = []
    for batch in _batches(texts):
        cut = tokenization.cut(batch)
        lengths.extend(map(len, cut))
        ids.append(np.fromiter((known.setdefault(piece, len(known)) for row in cut for piece in row), np.int32))
    return Ragged(np.concatenate(ids) if ids else np.zeros(0, np.int32), np.array(lengths, np.int64))


def as_rows(texts: Ragged, width: int, blank: int, end: int) -> Texts:
    """The texts (N, width), each with the end token after it where there is room, filled up with `blank`.

    Raises:
        ValueError: so many that they take more memory than one array may.
    """
    check_room(f"{len(texts)} texts, max_length={width}", len(texts), width)
    tokens = np.full((len(texts), width), blank, np.int64)
    rows = texts.rows
    columns = np.arange(len(texts.ids)) - np.repeat(texts.starts, texts.lengths)
    fits = columns < width
    tokens[rows[fits], columns[fits]] = texts.ids[fits]
    ends = texts.lengths < width
    tokens[ends, texts.lengths[ends]] = end
    return Texts(tokens, np.minimum(texts.lengths + 1, width))


def _batches(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    left = iter(texts)
    while batch := list(islice(left, BATCH)):
        yield batch
