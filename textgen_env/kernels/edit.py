"""The edit distance, 64 tokens of a reference at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen_env.kernels.compiling import kernel

WORD = 64
_NONE = np.uint64(0)
_ONE = np.uint64(1)
_ALL = ~_NONE
_TOP = np.uint64(WORD - 1)


@kernel()
def edit_distances(tokens: Any, lengths: Any, reference_tokens: Any, reference_lengths: Any) -> Any:
    """Edits between each text and its reference, by Myers, "A fast bit-vector algorithm for approximate string matching
    based on dynamic programming" (1999), as Hyyrö, "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit
    Distances" (2003), writes it for the distance of whole texts and for references longer than a word.

    Neighbouring cells of Wagner and Fischer's table differ by -1, 0 or 1: two words of bits hold a column of 64
    differences, and a few operations turn it into the next one. Memory is linear in the longest text.

    Args:
        tokens, reference_tokens: (N, T) and (N, R) int64, those that count >= 0.
        lengths, reference_lengths: (N,) int64.

    Returns:
        (N,) int64.
    """
    distances = reference_lengths.copy()
    block = np.empty(WORD, np.int64)
    # Whether the distance grows or shrinks along the last row of the block above, at each token of the text.
    grows, shrinks = np.empty(tokens.shape[1], np.uint64), np.empty(tokens.shape[1], np.uint64)
    for i in range(len(tokens)):
        length, reference_length = lengths[i], reference_lengths[i]
        grows[:length], shrinks[:length] = _ONE, _NONE
        # Rows above the table fill the first block: they differ from one another by 0, so that the last is a top row.
        unused = -reference_length % WORD
        for start in range(-unused, reference_length, WORD):
            for j in range(WORD):
                block[j] = reference_tokens[i, start + j] if start + j >= 0 else -1
            up, down = (_ALL << np.uint64(unused) if start < 0 else _ALL), _NONE
            for t in range(length):
                equal = shrinks[t]
                for j in range(WORD):
                    equal |= np.uint64(block[j] == tokens[i, t]) << np.uint64(j)
                diagonal = (((equal & up) + up) ^ up) | equal | down
                right, left = down | ~(diagonal | up), diagonal & up
                grown, shrunk = (right << _ONE) | grows[t], (left << _ONE) | shrinks[t]
                up, down = shrunk | ~(diagonal | grown), grown & diagonal
                grows[t], shrinks[t] = right >> _TOP, left >> _TOP
        for t in range(length):
            distances[i] += np.int64(grows[t]) - np.int64(shrinks[t])
    return distances
