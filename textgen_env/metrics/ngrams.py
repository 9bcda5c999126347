"""N-grams of token ids, numbered and counted without loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.vocabulary import IntArray

FloatArray = NDArray[np.float64]
_NO_KEY = np.iinfo(np.int64).max


@dataclass(frozen=True)
class NgramTable:
    """The distinct n-grams of references, each with the most occurrences in one reference.

    N-grams are numbered exactly, order by order: the key of an n-gram is `id of its first n-1 tokens * base +
    its last token`, its id the rank of that key among those of its order; the id of no tokens is the group.
    Memory is linear in the number of distinct n-grams.

    Attributes:
        base: one more than the id that stands for "no token of the references", which is `base - 1`.
        keys: for each order, (G_n + 1,) int64, ascending; the last is larger than every key.
        max_counts: (sum of G_n,) int64, of all orders one after the other.
    """

    base: int
    keys: tuple[IntArray, ...]
    max_counts: IntArray

    @classmethod
    def of(cls, tokens: IntArray, lengths: IntArray, groups: IntArray, max_order: int) -> NgramTable:
        """The n-grams of R references laid end to end, `tokens` (sum of lengths,), in groups (R,).

        Raises:
            ValueError: more n-grams are possible than int64 numbers.
        """
        base = int(tokens.max(initial=-1)) + 2
        keys, max_counts = [], []
        for order_keys, row, ids in numbered_ngrams(tokens, lengths, groups, max_order):
            parents = len(order_keys)
            occurring, counts = np.unique(row * parents + ids, return_counts=True)
            most = np.zeros(parents, np.int64)
            np.maximum.at(most, occurring % max(parents, 1), counts)
            keys.append(np.append(order_keys, _NO_KEY))
            max_counts.append(most)
        return cls(base, tuple(keys), np.concatenate(max_counts))

    def clipped_matches(self, tokens: IntArray, lengths: IntArray, groups: IntArray) -> FloatArray:
        """Count_clip of Papineni et al. (2002), section 2.1: (N, K) float64, the n-grams of each order, 1 .. K, that
        each text (N, T), (N,) shares with the references of its group (N,), each at most `max_counts` times."""
        count, width = tokens.shape
        max_order, ngrams = len(self.keys), len(self.max_counts)
        written = np.arange(width) < lengths[:, None]
        unknown = self.base - 1
        # the unknown token, which ends every n-gram, closes each row: a window that is still alive stays in its row
        closed = np.full((count, width + 1), unknown)
        closed[:, :width] = np.where(written, np.minimum(tokens, unknown), unknown)
        flat = closed.ravel()
        row, column = written.nonzero()
        start = row * (width + 1) + column
        ids = groups[row]
        first_id = 0
        found = []
        for order, keys in enumerate(self.keys):
            key = ids * self.base + flat[start + order]
            ids = keys.searchsorted(key)
            alive = (keys[ids] == key).nonzero()[0]
            if not len(alive):
                break
            start, row, ids = start[alive], row[alive], ids[alive]
            found.append((row * max_order + order) * ngrams + (first_id + ids))
            first_id += len(keys) - 1
        if not found:
            return np.zeros((count, max_order))
        distinct, occurrences = np.unique(np.concatenate(found), return_counts=True)
        cell, ngram = np.divmod(distinct, ngrams)
        clipped = np.minimum(occurrences, self.max_counts[ngram])
        matches = np.bincount(cell, clipped, count * max_order).reshape(count, max_order)
        return matches.astype(np.float64, copy=False)


def numbered_ngrams(
    tokens: IntArray, lengths: IntArray, groups: IntArray, max_order: int
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """The n-grams of R texts laid end to end, `tokens` (sum of lengths,), in groups (R,), numbered as in `NgramTable`.

    Yields, for each order 1 .. `max_order`:
        keys (G,) of the distinct n-grams, ascending; and of every occurrence (M,) its text and its n-gram's id.

    Raises:
        ValueError: more n-grams are possible than int64 numbers.
    """
    unknown = int(tokens.max(initial=-1)) + 1
    base = unknown + 1
    row = np.repeat(np.arange(len(lengths)), lengths)
    start = np.arange(len(tokens)) + row
    # one unknown token after each text: no n-gram runs over it into the next
    flat = np.full(len(tokens) + len(lengths), unknown)
    flat[start] = tokens
    ids = groups[row]
    parents = int(groups.max()) + 1
    for order in range(max_order):
        if parents * base > _NO_KEY:
            raise ValueError(
                f"token ids up to {unknown - 1} after {parents} distinct "
                f"{f'{order}-grams' if order else 'groups'} are more {order + 1}-grams than 64 bits number; "
                f"renumber the tokens from 0"
            )
        last = flat[start + order]
        inside = np.flatnonzero(last != unknown)
        start, row = start[inside], row[inside]
        keys, ids = np.unique(ids[inside] * base + last[inside], return_inverse=True)
        parents = len(keys)
        yield keys, row, ids


def checked_texts(tokens: NDArray[Any], lengths: NDArray[Any]) -> tuple[IntArray, IntArray]:
    """`tokens` (N, T) and `lengths` (N,) as int64.

    Raises:
        TypeError: not integers.
        ValueError: other shapes, a length outside 0 .. T, a negative id among the first `lengths` of a row.
    """
    tokens, lengths = np.asarray(tokens), np.asarray(lengths)
    for name, array in (("tokens", tokens), ("lengths", lengths)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be an array of integers, got dtype {array.dtype}")
    if tokens.ndim != 2 or lengths.shape != tokens.shape[:1]:
        raise ValueError(f"tokens and lengths must have shapes (N, T) and (N,), got {tokens.shape} and {lengths.shape}")
    width = tokens.shape[1]
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= width:
        row = int(((lengths < 0) | (lengths > width)).argmax())
        raise ValueError(f"lengths[{row}]={lengths[row]} must lie in 0 .. {width}, the width of tokens")
    tokens, lengths = tokens.astype(np.int64, copy=False), lengths.astype(np.int64, copy=False)
    if tokens.size and tokens.min() < 0:
        negative = (tokens < 0) & (np.arange(width) < lengths[:, None])
        if negative.any():
            row, column = np.argwhere(negative)[0]
            raise ValueError(f"tokens[{row}, {column}]={tokens[row, column]} must be a token id >= 0")
    return tokens, lengths


def checked_order(name: str, order: int) -> int:
    """`order` if it is a whole number >= 1.

    Raises:
        TypeError: not a whole number.
        ValueError: less than 1.
    """
    if isinstance(order, bool) or not isinstance(order, int | np.integer):
        raise TypeError(f"{name}={order!r} must be a whole number >= 1, got {type(order).__name__}")
    if order < 1:
        raise ValueError(f"{name}={order!r} must be a whole number >= 1: the tokens of an n-gram")
    return int(order)
