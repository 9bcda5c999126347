"""Counters of n-grams for each of many growing texts, which a step changes by a few entries and does not copy."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels import kernels
from textgen_env.vocabulary import IntArray


class RowCounters:
    """Counts of the references' n-grams in each of N texts.

    In a reward's state it stands for an int64 array (N, C), whose row is a hash table of C entries
    `slot << count_bits | occurrences`, 0 where empty. Rows are read without being copied and written entry by entry:

    - `counters[rows]` is a view of `rows`, and `extended` a view that knows what is to be added.
    - `counters[rows] = view` adds it where the view is one of these very rows, and copies whole rows otherwise.
    - `copy.copy(view)` and `np.asarray(view)` are whole rows of their own, what is to be added included.

    Args:
        entries: (B, C) the hash tables, C a power of two.
        count_bits: of the occurrences.
        rows: (N,) which of the B; all by default.
        additions: (N, K) entries to be taken over, 0 for none; or None.
    """

    def __init__(
        self, entries: IntArray, count_bits: int, rows: IntArray | None = None, additions: IntArray | None = None
    ) -> None:
        self.entries = entries
        self.count_bits = count_bits
        self.rows: IntArray = np.arange(len(entries)) if rows is None else rows
        self.additions = additions

    @property
    def dtype(self) -> np.dtype[np.int64]:
        """Of the entries."""
        return self.entries.dtype

    @property
    def shape(self) -> tuple[int, int]:
        """(N, C)."""
        return len(self.rows), self.entries.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> RowCounters:
        additions = None if self.additions is None else self.additions[rows]
        return RowCounters(self.entries, self.count_bits, self.rows[rows], additions)

    def __setitem__(self, rows: Any, values: RowCounters) -> None:
        if self.additions is not None:
            self.entries, self.rows, self.additions = np.asarray(self), np.arange(len(self)), None
        own = self.rows[rows]
        if values.entries is self.entries and values.additions is not None and np.array_equal(values.rows, own):
            kernels("prefixes").put_rows(self.entries, own, values.additions, self.count_bits)
        else:
            self.entries[own] = np.asarray(values)

    def __copy__(self) -> Self:
        return type(self)(np.asarray(self), self.count_bits)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        entries = self.entries[self.rows]
        if self.additions is not None:
            kernels("prefixes").put_rows(entries, np.arange(len(self)), self.additions, self.count_bits)
        return entries if dtype is None else entries.astype(dtype, copy=False)

    def extended(self, additions: IntArray) -> RowCounters:
        """A view of the same rows that knows what is to be added (N, K), nothing of it yet."""
        return RowCounters(self.entries, self.count_bits, self.rows, additions)
