"""Diversity of a set of texts, and repetition within each."""

from __future__ import annotations

import numpy as np

from textgen_env.kernels import kernels
from textgen_env.metrics.ngrams import FloatArray, checked_order, checked_texts
from textgen_env.vocabulary import IntArray


def distinct_n(tokens: IntArray, lengths: IntArray, n: int = 2) -> float:
    """Distinct n-grams of all texts together, divided by all their n-grams: in [0, 1], 0.0 when there is none.

    Li, Galley, Brockett, Gao and Dolan, "A Diversity-Promoting Objective Function for Neural Conversation Models"
    (2016), there divided by the number of tokens; divided by n-grams, 1 means for every n that none repeats.

    Args:
        tokens: (N, T) integers, left aligned.
        lengths: (N,) integers in 0 .. T, the tokens that count; an end token counts like any other, and
            `Vocabulary.content_lengths` leaves it out.
        n: tokens of an n-gram, >= 1.

    Raises:
        TypeError: arrays that are not of integers, or an n that is not a whole number.
        ValueError: wrong shapes, a length out of range, a negative id or n < 1.
    """
    n = checked_order("n", n)
    tokens, lengths = checked_texts(tokens, lengths)
    occurrences = int(np.maximum(lengths - n + 1, 0).sum()) if n <= tokens.shape[1] else 0
    if occurrences == 0:
        return 0.0
    compiled = kernels("diversity")
    if compiled is None:
        return count_distinct(tokens, lengths, n) / occurrences
    distinct: int = compiled.count_distinct(np.ascontiguousarray(tokens), np.ascontiguousarray(lengths), n)
    return distinct / occurrences


def count_distinct(tokens: IntArray, lengths: IntArray, n: int) -> int:
    """The number of different n-grams that texts (N, T), (N,) have, by sorting; n in 1 .. T."""
    # Renumbered, so that the key of a pair fits 64 bits whatever the ids are.
    distinct, numbered = np.unique(tokens, return_inverse=True)
    numbered = numbered.reshape(tokens.shape)
    row, start = (np.arange(tokens.shape[1]) < lengths[:, None] - (n - 1)).nonzero()
    ids = numbered[row, start]
    for offset in range(1, n):
        _, ids = np.unique(ids * len(distinct) + numbered[row, start + offset], return_inverse=True)
    return len(np.unique(ids))


def repeated_share(tokens: IntArray, lengths: IntArray, n: int = 2) -> FloatArray:
    """Share of each text's n-grams that occurred before in it: (N,) float64 in [0, 1], 1 - distinct / all of them; 0 of
    a text shorter than n.

    Welleck, Kulikov, Roller, Dinan, Cho and Weston, "Neural Text Generation with Unlikelihood Training" (2020), there
    "seq-rep-n".

    Arguments and errors are those of `distinct_n`.
    """
    n = checked_order("n", n)
    tokens, lengths = checked_texts(tokens, lengths)
    count, width = tokens.shape
    row, start = (np.arange(width) < lengths[:, None] - (n - 1)).nonzero()
    if not len(row):
        return np.zeros(count)
    # Renumbered, so that the key of a pair fits 64 bits whatever the ids are.
    distinct, numbered = np.unique(tokens, return_inverse=True)
    numbered = numbered.reshape(tokens.shape)
    ids = row
    for offset in range(n):
        _, ids = np.unique(ids * len(distinct) + numbered[row, start + offset], return_inverse=True)
    # The text is the first part of each key: equal ids are of one text.
    _, first = np.unique(ids, return_index=True)
    new = np.bincount(row[first], minlength=count)
    every = np.maximum(lengths - n + 1, 0)
    return (every - new) / np.maximum(every, 1)
