"""Texts of unequal length as ids, one after another, and as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

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

    @classmethod
    def checked(cls, ids: NDArray[Any], lengths: NDArray[Any], pieces: int) -> Ragged:
        """The texts of arrays that were read from a file.

        Raises:
            ValueError: ids and lengths that do not belong together, or ids of more than so many pieces.
        """
        right = ids.dtype == np.int32 and lengths.dtype == np.int64 and ids.ndim == lengths.ndim == 1
        if not right or lengths.min(initial=0) < 0 or lengths.sum() != len(ids):
            raise ValueError("no lengths of these texts")
        if len(ids) and not (ids.min() >= 0 and ids.max() < pieces):
            raise ValueError("ids beyond the pieces")
        return cls(ids, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def cut(self, width: int) -> Ragged:
        """The first `width` ids of each text."""
        if self.lengths.max(initial=0) <= width:
            return self
        starts = np.cumsum(self.lengths) - self.lengths
        columns = np.arange(len(self.ids)) - np.repeat(starts, self.lengths)
        return Ragged(self.ids[columns < width], np.minimum(self.lengths, width))

    def taken(self, kept: NDArray[np.bool_]) -> Ragged:
        """The texts that `kept` (N,) marks."""
        return self if kept.all() else Ragged(self.ids[np.repeat(kept, self.lengths)], self.lengths[kept])

    def counted(self, marked: NDArray[np.bool_]) -> IntArray:
        """The number (N,) int64 of the marked ids (sum of lengths,) that each text has."""
        if not marked.any():
            return np.zeros(len(self), np.int64)
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
        flat = list(chain.from_iterable(cut))
        for piece in dict.fromkeys(flat):
            known.setdefault(piece, len(known))
        ids.append(np.fromiter(map(known.__getitem__, flat), np.int32, len(flat)))
    return Ragged(np.concatenate(ids) if ids else np.zeros(0, np.int32), np.array(lengths, np.int64))


def as_rows(texts: Ragged, width: int, blank: int, end: int | None) -> Texts:
    """The texts (N, width), each with the end token after it, if there is one and room for it, filled up with `blank`.

    Raises:
        ValueError: so many that they take more memory than one array may.
    """
    check_room(f"{len(texts)} texts, max_length={width}", len(texts), width)
    texts = texts.cut(width)
    tokens = np.full((len(texts), width), blank, np.int64)
    # Both run through the texts row by row.
    tokens[np.arange(width) < texts.lengths[:, None]] = texts.ids
    if end is None:
        return Texts(tokens, texts.lengths)
    ends = texts.lengths < width
    tokens[ends, texts.lengths[ends]] = end
    return Texts(tokens, np.minimum(texts.lengths + 1, width))


def _batches(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    left = iter(texts)
    while batch := list(islice(left, BATCH)):
        yield batch
