"""Loops over the n-grams that texts of one set share, found by hashing."""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen_env.kernels.compiling import kernel

# 2^64 divided by the golden ratio: Knuth, "The Art of Computer Programming", volume 3, section 6.4.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


@kernel()
def hash_bits(windows: int) -> int:
    """The table of that many n-grams has 2^bits slots: half of them or more stay empty."""
    bits = 1
    while 1 << bits < 2 * windows:
        bits += 1
    return bits


@kernel()
def number_ngrams(tokens: Any, lengths: Any, n: int, slots: Any, bits: int, ids: Any) -> int:
    """Writes into `ids` (N, T), where an n-gram of the texts (N, T), (N,) begins, its number, and returns how many are
    distinct. They are numbered from 0, in the order of their first occurrences; an `ids` of size 0 is left alone.

    `slots` (>= 2^bits,) is overwritten. Two n-grams are the same where their tokens are: the hash only says where to
    look.
    """
    width = tokens.shape[1]
    shift, last_slot = np.uint64(64 - bits), (1 << bits) - 1
    # Where an n-gram occurred first, `row * T + column + 1`; 0 in the slots that are empty.
    slots[: last_slot + 1] = 0
    distinct = 0
    for row in range(len(tokens)):
        for column in range(lengths[row] - n + 1):
            code = np.uint64(0)
            for offset in range(n):
                code = (code ^ np.uint64(tokens[row, column + offset])) * _MULTIPLIER
                code ^= code >> _HALF
            slot = np.int64((code * _MULTIPLIER) >> shift)
            while slots[slot]:
                first_row, first_column = divmod(slots[slot] - 1, width)
                offset = 0
                while offset < n and tokens[first_row, first_column + offset] == tokens[row, column + offset]:
                    offset += 1
                if offset == n:
                    if ids.size:
                        ids[row, column] = ids[first_row, first_column]
                    break
                slot = (slot + 1) & last_slot
            else:
                slots[slot] = row * width + column + 1
                if ids.size:
                    ids[row, column] = distinct
                distinct += 1
    return distinct


@kernel()
def count_distinct(tokens: Any, lengths: Any, n: int) -> int:
    """The number of different n-grams that texts (N, T), (N,) have."""
    bits = hash_bits(np.maximum(lengths - n + 1, 0).sum())
    return number_ngrams(tokens, lengths, n, np.empty(1 << bits, np.int64), bits, np.empty((0, 0), np.int64))


@kernel()
def leave_one_out_matches(tokens: Any, lengths: Any, max_order: int) -> Any:
    """The n-grams of each order 1 .. K that each text (N, T), (N,) shares with the others, each at most as often as
    the one other text that has it most often: (N, K) float64."""
    matches = np.zeros((len(tokens), max_order))
    ids = np.empty(tokens.shape, np.int64)
    windows = lengths.sum()
    bits = hash_bits(windows)
    slots = np.empty(1 << bits, np.int64)
    # Of each n-gram: the most occurrences in one text, the most in any other, and those in the text looked at.
    most, next_most, occurrences = np.empty(windows, np.int64), np.empty(windows, np.int64), np.zeros(windows, np.int64)
    for order in range(max_order):
        distinct = number_ngrams(tokens, lengths, order + 1, slots, bits, ids)
        most[:distinct], next_most[:distinct] = 0, 0
        for row in range(len(tokens)):
            ngrams = ids[row, : max(lengths[row] - order, 0)]
            for ngram in ngrams:
                occurrences[ngram] += 1
            for ngram in ngrams:
                found = occurrences[ngram]
                occurrences[ngram] = 0
                if found > most[ngram]:
                    next_most[ngram], most[ngram] = most[ngram], found
                elif found > next_most[ngram]:
                    next_most[ngram] = found
        # The second most limits the text that has the n-gram most often, and no other text has it more often than that.
        for row in range(len(tokens)):
            ngrams = ids[row, : max(lengths[row] - order, 0)]
            for ngram in ngrams:
                if occurrences[ngram] < next_most[ngram]:
                    occurrences[ngram] += 1
                    matches[row, order] += 1
            for ngram in ngrams:
                occurrences[ngram] = 0
    return matches
