"""N-grams of token ids, numbered and counted without loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import is_whole
from textgen_env.kernels import kernels
from textgen_env.kernels.hashing import home_slot
from textgen_env.vocabulary import IntArray

FloatArray = NDArray[np.float64]
_INT64 = np.dtype(np.int64)
_NO_KEY = np.iinfo(np.int64).max
_FIRST_BITS = 4
# Of the slots, at most this share is taken: a look-up then reads one or two neighbouring slots.
_LOAD = 0.6


@dataclass(frozen=True)
class NgramTable:
    """The distinct n-grams of references, each with the most occurrences in one reference: an open-addressing hash
    table without loss, the same whether compiled loops or NumPy made it or look into it.

    The key of an n-gram is `parent << token_bits | its last token`, where the parent is `num_groups` + the slot of
    its first n-1 tokens, or for a single token the group. Nothing but the slots numbers the n-grams, so that a look-up
    reads eight bytes. Memory is linear in the number of distinct n-grams.

    Attributes:
        words: (C,) int64 of C = 2^b slots: `key << count_bits | most occurrences`, or 0 where the slot is empty.
            A key that finds its slot taken goes to the next.
        token_bits: larger ids than these bits hold are in no reference.
        count_bits: of the most occurrences.
        num_groups: groups are numbered 0 .. num_groups - 1.
    """

    words: IntArray
    token_bits: int
    count_bits: int
    num_groups: int

    @classmethod
    def of(cls, tokens: IntArray, starts: IntArray, lengths: IntArray, groups: IntArray, max_order: int) -> NgramTable:
        """The n-grams of R references, `tokens[starts[r] : starts[r] + lengths[r]]`, in groups (R,).

        Raises:
            ValueError: more n-grams are possible than int64 numbers.
        """
        token_bits, count_bits = int(tokens.max(initial=0)).bit_length(), int(lengths.max()).bit_length()
        num_groups = int(groups.max()) + 1
        compiled = kernels("ngrams")
        if compiled is None:
            laid = end_to_end(tokens, starts, lengths)
            return cls._sorted(laid, lengths, groups, max_order, token_bits, count_bits)
        for bits in count(_FIRST_BITS):
            table = cls._empty(bits, token_bits, count_bits, num_groups)
            most = int(_LOAD * len(table.words))
            if compiled.fill(
                table.words,
                table.shift,
                token_bits,
                count_bits,
                num_groups,
                tokens,
                starts,
                lengths,
                groups,
                max_order,
                most,
            ):
                break
        return table

    @classmethod
    def _sorted(
        cls, tokens: IntArray, lengths: IntArray, groups: IntArray, max_order: int, token_bits: int, count_bits: int
    ) -> NgramTable:
        """The n-grams of R references laid end to end: counted by sorting, then entered order by order."""
        base = int(tokens.max(initial=-1)) + 2
        orders = []
        for keys, row, ids in numbered_ngrams(tokens, lengths, groups, max_order):
            occurring, counts = np.unique(row * len(keys) + ids, return_counts=True)
            most = np.zeros(len(keys), np.int64)
            np.maximum.at(most, occurring % max(len(keys), 1), counts)
            orders.append((keys, most))
        distinct = sum(len(keys) for keys, _ in orders)
        bits = next(bits for bits in count(_FIRST_BITS) if distinct <= int(_LOAD * 2**bits))
        table = cls._empty(bits, token_bits, count_bits, int(groups.max()) + 1)
        parents = np.arange(table.num_groups)
        for keys, most in orders:
            before, last = np.divmod(keys, base)
            parents = table.num_groups + table._enter(parents[before] << token_bits | last, most)
        return table

    @classmethod
    def _empty(cls, bits: int, token_bits: int, count_bits: int, num_groups: int) -> NgramTable:
        parent_bits = (num_groups + 2**bits).bit_length()
        if parent_bits + token_bits + count_bits > 63:
            raise ValueError(
                f"{parent_bits} bits of n-grams, {token_bits} of token ids and {count_bits} of occurrences in the "
                f"longest reference are more than the 63 that a table has; leave out references or groups"
            )
        return cls(np.zeros(2**bits, np.int64), token_bits, count_bits, num_groups)

    @property
    def shift(self) -> int:
        """The shift that `home_slot` takes for a table of this size."""
        return 65 - len(self.words).bit_length()

    def _enter(self, keys: IntArray, most: IntArray) -> IntArray:
        """Enters new n-grams (G,), and returns their slots (G,)."""
        slots = np.asarray(home_slot(keys, self.shift))
        words = keys << self.count_bits | most
        pending = np.arange(len(keys))
        while len(pending):
            at = slots[pending]
            free = self.words[at] == 0
            # Of several that go to one free slot, the last stays.
            self.words[at[free]] = words[pending[free]]
            pending = pending[self.words[at] != words[pending]]
            slots[pending] = (slots[pending] + 1) & (len(self.words) - 1)
        return slots

    def find(self, keys: IntArray) -> IntArray:
        """The slots (M,) of n-grams (M,); -1 where the table has them not."""
        found = np.full(len(keys), -1)
        slots = np.asarray(home_slot(keys, self.shift))
        pending = np.arange(len(keys))
        # Bounded, for a table from a file that leaves no slot empty.
        for _ in range(len(self.words)):
            at = slots[pending]
            words = self.words[at]
            taken = words != 0
            here = taken & (words >> self.count_bits == keys[pending])
            found[pending[here]] = at[here]
            pending = pending[taken & ~here]
            if not len(pending):
                break
            slots[pending] = (slots[pending] + 1) & (len(self.words) - 1)
        return found

    def clipped_matches(self, tokens: IntArray, lengths: IntArray, groups: IntArray, max_order: int) -> FloatArray:
        """Count_clip of Papineni et al. (2002), section 2.1: (N, K) float64, the n-grams of each order, 1 .. K, that
        each text (N, T), (N,) shares with the references of its group (N,), each at most as often as the one reference
        that has it most often."""
        count, width = tokens.shape
        capacity = len(self.words)
        written = np.arange(width) < lengths[:, None]
        unknown = 2**self.token_bits
        # the unknown token, which ends every n-gram, closes each row: a window that is still alive stays in its row
        closed = np.full((count, width + 1), unknown)
        closed[:, :width] = np.where(written, np.minimum(tokens, unknown), unknown)
        flat = closed.ravel()
        row, column = written.nonzero()
        start = row * (width + 1) + column
        parents = groups[row]
        found = []
        for order in range(max_order):
            known = (flat[start + order] != unknown).nonzero()[0]
            start, row = start[known], row[known]
            slots = self.find(parents[known] << self.token_bits | flat[start + order])
            alive = (slots >= 0).nonzero()[0]
            if not len(alive):
                break
            start, row, slots = start[alive], row[alive], slots[alive]
            parents = self.num_groups + slots
            found.append((row * max_order + order) * capacity + slots)
        if not found:
            return np.zeros((count, max_order))
        distinct, occurrences = np.unique(np.concatenate(found), return_counts=True)
        cell, slots = np.divmod(distinct, capacity)
        clipped = np.minimum(occurrences, self.words[slots] & (2**self.count_bits - 1))
        matches = np.bincount(cell, clipped, count * max_order).reshape(count, max_order)
        return matches.astype(np.float64, copy=False)


def end_to_end(tokens: IntArray, starts: IntArray, lengths: IntArray) -> IntArray:
    """The texts `tokens[starts[r] : starts[r] + lengths[r]]` with nothing between them, (sum of lengths,)."""
    ends = lengths.cumsum()
    laid: IntArray = tokens[np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])]
    return laid


def numbered_ngrams(
    tokens: IntArray, lengths: IntArray, groups: IntArray, max_order: int
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """The n-grams of R texts laid end to end, `tokens` (sum of lengths,), in groups (R,), numbered without loss.

    Order by order: the key of an n-gram is `id of its first n-1 tokens * base + its last token`, its id the rank of
    that key among those of its order; the id of no tokens is the group, and base is the largest token id + 2.

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


def contiguous(array: NDArray[Any]) -> IntArray:
    """The integers as compiled loops take them: int64, writable, nothing between the rows; a copy if need be."""
    return array if array.dtype == _INT64 and array.flags.carray else np.array(array, np.int64, order="C")


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
    tokens, lengths = tokens.astype(np.int64, copy=False), lengths.astype(np.int64, copy=False)
    # Counting the exceptions of a few texts takes half the time of their extremes; seen as unsigned, -1 is large.
    outside = lengths.view(np.uint64) > width
    if np.count_nonzero(outside):
        row = int(outside.argmax())
        raise ValueError(f"lengths[{row}]={lengths[row]} must lie in 0 .. {width}, the width of tokens")
    negative = tokens < 0
    if np.count_nonzero(negative):
        negative &= np.arange(width) < lengths[:, None]
        if negative.any():
            row, column = np.argwhere(negative)[0]
            raise ValueError(f"tokens[{row}, {column}]={tokens[row, column]} must be a token id >= 0")
    return tokens, lengths


MOST_ORDERS = 100
"""Tokens of the longest n-gram: longer ones are whole texts."""


def checked_order(name: str, order: int) -> int:
    """`order` if it is a whole number >= 1.

    Raises:
        TypeError: not a whole number.
        ValueError: less than 1, or more than `MOST_ORDERS`.
    """
    if not is_whole(order):
        raise TypeError(f"{name}={order!r} must be a whole number >= 1, got {type(order).__name__}")
    if order < 1:
        raise ValueError(f"{name}={order!r} must be a whole number >= 1: the tokens of an n-gram")
    if order > MOST_ORDERS:
        raise ValueError(f"{name}={order!r} must be a whole number from 1 to {MOST_ORDERS}: the tokens of an n-gram")
    return int(order)
