"""Self-BLEU: the similarity of the texts of one sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels import kernels
from textgen_env.metrics.bleu import (
    SmoothMethod,
    bleu,
    brevity_penalty,
    checked_smoothing,
    ngram_totals,
    smoothed_precisions,
)
from textgen_env.metrics.ngrams import FloatArray, checked_order, checked_texts, numbered_ngrams
from textgen_env.vocabulary import IntArray


def self_bleu(
    tokens: NDArray[Any],
    lengths: NDArray[Any],
    max_order: int = 4,
    smooth_method: SmoothMethod = "exp",
    smooth_value: float | None = None,
    effective_order: bool = False,
) -> FloatArray:
    """BLEU of each text against all the others; its mean is the Self-BLEU of the sample.

    Zhu et al., "Texygen: A Benchmarking Platform for Text Generation Models" (2018), section 3.2: high where texts
    repeat one another. Each text is left out of its own references, all of them are used, and each score equals
    `BleuScorer(the others).score(it)`; the cost is that of counting all n-grams once, not N times that of one text.

    Args:
        tokens: (N, T) integers, N >= 2, left aligned.
        lengths: (N,) integers in 0 .. T, the tokens that count.
        max_order, smooth_method, smooth_value, effective_order: see `BleuScorer`.

    Returns:
        (N,) float64 in [0, 1].

    Raises:
        TypeError: an array that is not of integers; a max_order that is not a whole number.
        ValueError: fewer than two texts, wrong shapes, a length out of range, a negative id, or an option out of range.
    """
    tokens, lengths = checked_texts(tokens, lengths)
    max_order = checked_order("max_order", max_order)
    value = checked_smoothing(smooth_method, smooth_value)
    if len(tokens) < 2:
        raise ValueError(f"tokens has {len(tokens)} texts; Self-BLEU compares at least two")
    compiled = kernels("diversity")
    if compiled is None:
        matches = leave_one_out_matches(tokens, lengths, max_order)
    else:
        matches = compiled.leave_one_out_matches(np.ascontiguousarray(tokens), np.ascontiguousarray(lengths), max_order)
    precisions, orders = smoothed_precisions(matches, ngram_totals(lengths, max_order), smooth_method, value)
    if not effective_order:
        orders = np.full(len(tokens), max_order)
    return bleu(precisions, orders, brevity_penalty(lengths, closest_other_lengths(lengths)))


def leave_one_out_matches(tokens: IntArray, lengths: IntArray, max_order: int) -> FloatArray:
    """The n-grams of each order 1 .. K that each text (N, T), (N,) shares with the others, each at most as often as
    the one other text that has it most often: (N, K) float64."""
    count = len(tokens)
    written = np.arange(tokens.shape[1]) < lengths[:, None]
    matches = np.zeros((count, max_order))
    # Renumbered, so that the key of an n-gram fits 64 bits whatever the ids are.
    numbered = np.unique(tokens[written], return_inverse=True)[1]
    ngrams = numbered_ngrams(numbered, lengths, np.zeros(count, np.int64), max_order)
    for order, (keys, row, ids) in enumerate(ngrams):
        if not len(ids):
            break
        cells, occurrences = np.unique(ids * count + row, return_counts=True)
        owner, ngram = cells % count, cells // count
        # Ascending by n-gram and then by count: the last of an n-gram has it most often, the one before it next.
        ranked = np.lexsort((occurrences, ngram))
        ends = np.cumsum(np.bincount(ngram, minlength=len(keys)))
        shared = np.diff(ends, prepend=0) > 1
        next_most = np.where(shared, occurrences[ranked[ends - 2]], 0)
        # It limits the text that has the n-gram most often, and no other text has it more often than that.
        matches[:, order] = np.bincount(owner, np.minimum(occurrences, next_most[ngram]), count)
    return matches


def closest_other_lengths(lengths: IntArray) -> IntArray:
    """The length among the other texts that is closest to each text's own (N,), the shorter of two: (N,); N >= 2."""
    distinct, which, counts = np.unique(lengths, return_inverse=True, return_counts=True)
    shorter = np.concatenate([distinct[:1], distinct[:-1]])
    longer = np.concatenate([distinct[1:], distinct[-1:]])
    # The shortest text has none shorter, the longest none longer: the neighbour on the other side stands in.
    shorter[0], longer[-1] = longer[0], shorter[-1]
    nearest = np.where(abs(distinct - shorter) <= abs(longer - distinct), shorter, longer)
    return np.where(counts > 1, distinct, nearest)[which]
