"""Interpolated Kneser-Ney n-gram model of token ids, looked up for many texts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from textgen_env.checks import MOST_TOKENS, check_at_least
from textgen_env.metrics.ngrams import FloatArray, checked_order, checked_texts
from textgen_env.vocabulary import IntArray

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""D_1, D_2, D_3+ where counts are too few to estimate them by, as KenLM's `--discount_fallback` has them."""


@dataclass(frozen=True)
class NgramLevel:
    """The n-grams of one order k >= 2: an n-gram's id is its rank among the keys, and -1 stands for one that was not
    seen, which NumPy takes for the last entry.

    Attributes:
        keys: (G,) int64 ascending, `id of the first k-1 tokens * (V + 1) + the last token`.
        discounted: (G + 1,) float64, (a - D(a)) / total of the context; 0 for what was not seen.
        backoff: (C + 1,) float64 of the contexts, the n-grams of order k - 1: the probability left for what did not
            follow them; 1 for a context that nothing followed, or that was not seen.
    """

    keys: IntArray
    discounted: FloatArray
    backoff: FloatArray

    def find(self, contexts: IntArray, tokens: IntArray, base: int) -> IntArray:
        """The ids (M,) of contexts (M,) with one more token (M,); -1 where they were not seen."""
        wanted = contexts * base + tokens
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((contexts >= 0) & (self.keys[at] == wanted), at, -1)


@dataclass(frozen=True)
class KneserNey:
    """n-gram model with modified Kneser-Ney smoothing, interpolated: Chen and Goodman, "An Empirical Study of Smoothing
    Techniques for Language Modeling" (1999), section 3 ("modified Kneser-Ney"), after Kneser and Ney, "Improved
    Backing-off for M-gram Language Modeling" (1995).

        p(w | h) = max(a(h w) - D(a(h w)), 0) / sum_v a(h v)  +  g(h) p(w | h'),    h' = h without its first token,
        g(h) = sum_v D(a(h v)) / sum_v a(h v),   and p(w | h) = p(w | h') where nothing followed h;

    below the unigram stands 1 / V. a(x) is the count of x for the highest order, and for one that begins a text; for
    all others the number of different tokens before x, N1+(. x): what made Kneser and Ney's model. With n_i the n-grams
    of an order that have a = i, D(0) = 0, Y = n_1 / (n_1 + 2 n_2),

        D(1) = 1 - 2 Y n_2 / n_1,   D(2) = 2 - 3 Y n_3 / n_2,   D(3 and more) = 3 - 4 Y n_4 / n_3.

    An order of which these cannot be estimated, some n_i being 0 or some D(i) outside (0, i], takes
    `FALLBACK_DISCOUNTS`. One begin symbol stands before each text (as in Heafield et al. 2013, "Scalable Modified
    Kneser-Ney Language Model Estimation"); the end token is a token like any other. Over the V tokens the
    probabilities of every context sum to 1, and none is 0.

    Attributes:
        vocab_size: V; the id V is the begin symbol.
        order: n.
        unigrams: (V + 1,) float64, p of each token without context; 1 for the begin symbol, which nothing predicts.
        levels: of the orders 2 .. n.
        discounts: (n, 3) float64, D(1), D(2), D(3 and more) of each order.
    """

    vocab_size: int
    order: int
    unigrams: FloatArray
    levels: tuple[NgramLevel, ...]
    discounts: FloatArray

    @classmethod
    def of_texts(cls, tokens: IntArray, lengths: IntArray, vocab_size: int, order: int = 3) -> Self:
        """The model of texts (M, T), (M,), their end tokens included in the lengths.

        Args:
            tokens: (M, T) integers in 0 .. V - 1, left aligned; what follows a length is not read.
            lengths: (M,) integers in 0 .. T.
            vocab_size: V, at most `MOST_TOKENS`.
            order: n >= 1.

        Raises:
            TypeError: arrays that are not of integers, or a number that is not whole.
            ValueError: no token at all; an id, a length or a number out of range.
        """
        order, base = checked_order("order", order), check_at_least("vocab_size", vocab_size, most=MOST_TOKENS) + 1
        flat, column, _ = _laid(tokens, lengths, vocab_size)
        if not column.any():
            raise ValueError(f"tokens: {len(tokens)} texts without a token; a model needs at least one")
        counts = np.bincount(flat, minlength=base)
        known: list[tuple[IntArray, IntArray]] = []  # keys and adjusted counts of each order
        adjusted, keys, ids = counts, np.arange(base), flat
        for k in range(2, order + 1):
            inside = np.flatnonzero(column >= k - 1)
            above, first, inverse, above_counts = np.unique(
                ids[inside - 1] * base + flat[inside], return_index=True, return_inverse=True, return_counts=True
            )
            # The last k-1 tokens of each k-gram; what begins a text is the end of none.
            before = np.bincount(ids[inside[first]], minlength=len(keys))
            known.append((keys, np.where(before > 0, before, adjusted)))
            adjusted, keys, ids = above_counts, above, np.full(len(flat), -1)
            ids[inside] = inverse
        known.append((keys, adjusted))
        lowest = known[0][1].copy()
        lowest[vocab_size] = 0
        known[0] = (known[0][0], lowest)
        discounts = np.array([_discounts(each) for _, each in known])
        return cls(vocab_size, order, *_probabilities(known, discounts, base), discounts)

    def log_prob(self, tokens: IntArray, lengths: IntArray) -> FloatArray:
        """log p (N,) float64 of whole texts (N, T), (N,), in nats: sum over their tokens, the end token among them;
        0 for a text of no tokens. The horizon's end of a text is certain.

        Raises:
            TypeError: arrays that are not of integers.
            ValueError: wrong shapes, a length or an id out of range.
        """
        flat, column, row = _laid(tokens, lengths, self.vocab_size)
        probabilities, ids = self.unigrams[flat], flat
        for k, level in enumerate(self.levels, 2):
            contexts = np.roll(ids, 1)
            contexts[column < k - 1] = -1
            ids = level.find(contexts, flat, self.vocab_size + 1)
            probabilities = level.discounted[ids] + level.backoff[contexts] * probabilities
        # Whole numbers, where there are no tokens at all.
        return np.bincount(row, np.log(probabilities), len(lengths)).astype(np.float64, copy=False)

    def start(self, count: int) -> IntArray:
        """The contexts (count, n - 1) int64 of texts that have not begun."""
        contexts = np.full((count, self.order - 1), -1)
        contexts[:, :1] = self.vocab_size
        return contexts

    def step(self, contexts: IntArray, tokens: IntArray) -> tuple[FloatArray, IntArray]:
        """log p (N,) of one more token (N,) after contexts (N, n - 1), and the contexts that follow it.

        A context is the ids of the last token, the last two tokens ...; -1 where they were not seen.
        """
        probabilities, ids = self.unigrams[tokens], tokens
        following = np.empty_like(contexts)
        for k, level in enumerate(self.levels):
            following[:, k] = ids
            ids = level.find(contexts[:, k], tokens, self.vocab_size + 1)
            probabilities = level.discounted[ids] + level.backoff[contexts[:, k]] * probabilities
        return np.log(probabilities), following


def _laid(tokens: IntArray, lengths: IntArray, vocab_size: int) -> tuple[IntArray, IntArray, IntArray]:
    """Texts end to end, the begin symbol before each: ids, and of each its place in its text (0: the begin symbol) and
    its text."""
    tokens, lengths = checked_texts(tokens, lengths)
    row = np.repeat(np.arange(len(lengths)), lengths + 1)
    column = np.arange(len(row)) - (np.cumsum(lengths + 1) - (lengths + 1))[row]
    flat = np.full(len(row), vocab_size)
    begun = column > 0
    flat[begun] = tokens[row[begun], column[begun] - 1]
    outside = begun & (flat >= vocab_size)
    if outside.any():
        at = int(outside.argmax())
        raise ValueError(f"tokens[{row[at]}, {column[at] - 1}]={flat[at]} must be a token id below {vocab_size}")
    return flat, column, row


def _discounts(adjusted: IntArray) -> tuple[float, ...]:
    """D(1), D(2), D(3 and more) of the adjusted counts of one order."""
    n = np.bincount(np.minimum(adjusted, 5), minlength=6)[:5].astype(float)
    if n[1:].all():
        share = n[1] / (n[1] + 2 * n[2])
        found = tuple(i - (i + 1) * share * n[i + 1] / n[i] for i in (1, 2, 3))
        if all(0 < each <= i for i, each in enumerate(found, 1)):
            return found
    return FALLBACK_DISCOUNTS


def _probabilities(
    known: list[tuple[IntArray, IntArray]], discounts: FloatArray, base: int
) -> tuple[FloatArray, tuple[NgramLevel, ...]]:
    """The unigrams and the levels above them, from keys and adjusted counts of every order."""
    levels = []
    for below, (keys, adjusted), discount in zip([None, *known], known, discounts, strict=False):
        taken = np.append(0.0, discount)[np.minimum(adjusted, 3)]
        if below is None:
            unigrams = (adjusted - taken) / adjusted.sum() + taken.sum() / adjusted.sum() / (base - 1)
            unigrams[-1] = 1.0
            continue
        contexts = keys // base
        totals = np.bincount(contexts, adjusted, len(below[0]))
        left = np.bincount(contexts, taken, len(below[0])) / np.maximum(totals, 1)
        backoff = np.append(np.where(totals > 0, left, 1.0), 1.0)
        levels.append(NgramLevel(keys, np.append((adjusted - taken) / totals[contexts], 0.0), backoff))
    return unigrams, tuple(levels)
