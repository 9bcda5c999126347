"""BLEU of whole texts, many at once, on token ids.

The n-grams of the references are numbered once; a batch of texts is then scored by a few array operations
for each order. The scores are sacrebleu's (Post, "A Call for Clarity in Reporting BLEU Scores", 2018), divided by 100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from textgen_env.metrics.ngrams import FloatArray, NgramTable, checked_order, checked_texts
from textgen_env.vocabulary import IntArray

SmoothMethod = Literal["none", "floor", "add-k", "exp"]
SMOOTH_DEFAULTS: Mapping[str, float] = MappingProxyType({"floor": 0.1, "add-k": 1.0})
"""Value of the methods that take one, as Chen and Cherry (2014) set it."""


class BleuScorer:
    """BLEU of texts against a fixed set of references.

    BLEU = BP * exp(1/K sum_{n=1..K} log p_n), Papineni, Roukos, Ward and Zhu, "BLEU: a Method for Automatic
    Evaluation of Machine Translation" (2002), section 2.3. p_n is the share of a text's n-grams that occur in
    the references, each counted at most as often as the one reference that has it most often; BP punishes a text
    shorter than the reference whose length is closest to its own (the shorter of two equally close). A text
    is scored by itself (sentence BLEU) and equals 1/100 of sacrebleu's
    `BLEU(references=...).corpus_score([text], None)` on the same tokens. An empty text scores 0, and so does one
    that shares no token with the references.

    Args:
        references: R >= 1 sequences of token ids >= 0, of any length, without padding or end token.
        max_order: K, the longest n-gram that counts.
        smooth_method: what p_n is where no n-gram matches; Chen and Cherry, "A Systematic Comparison of Smoothing
            Techniques for Sentence-Level BLEU" (2014): "none" (0, hence BLEU 0), "floor" (method 1: `smooth_value`
            matches), "add-k" (method 2: `smooth_value` added to matches and n-grams of every n > 1) or
            "exp" (method 3: 1/2 match at the first such order, 1/4 at the second ...).
        smooth_value: for "floor" (0.1 by default, at most 1) and "add-k" (1 by default); >= 0.
        effective_order: average only over the orders that the text is long enough to have an n-gram of. Without it
            a text shorter than K tokens scores 0 (but for "add-k").
        groups: (R,) integers, the group (such as the row of a source) that each reference belongs to. A text is then
            scored against the references of its own group alone.

    Raises:
        TypeError: references or groups that are not integers; a max_order that is not a whole number.
        ValueError: no reference, a negative id, max_order < 1, an unknown smooth_method, a smooth_value out of range or
            for a method that takes none, groups of another shape than (R,), or token ids so large that 64 bits
            do not number the n-grams.
    """

    def __init__(
        self,
        references: Sequence[Sequence[int]],
        max_order: int = 4,
        smooth_method: SmoothMethod = "exp",
        smooth_value: float | None = None,
        effective_order: bool = False,
        groups: NDArray[Any] | None = None,
    ) -> None:
        self.max_order = checked_order("max_order", max_order)
        self.smooth_method = smooth_method
        self.smooth_value = checked_smoothing(smooth_method, smooth_value)
        self.effective_order = effective_order
        tokens, lengths = _checked_references(references)
        self._groups: IntArray | None = None
        group_of_reference = np.zeros(len(lengths), np.int64)
        if groups is not None:
            groups = _checked_groups(groups, len(lengths), "reference")
            self._groups, group_of_reference = np.unique(groups, return_inverse=True)
        self._ngrams = NgramTable.of(tokens, lengths, group_of_reference, self.max_order)
        self._lengths = LengthTable.of(lengths, group_of_reference)

    def score(self, tokens: IntArray, lengths: IntArray, groups: NDArray[Any] | None = None) -> FloatArray:
        """BLEU (N,) float64 in [0, 1] of each text.

        Args:
            tokens: (N, T) integers, left aligned. Ids that no reference has are allowed and match nothing.
            lengths: (N,) integers in 0 .. T, the tokens that count: what follows is not read. An end token
                counts like any other; `Vocabulary.content_lengths` leaves it out.
            groups: (N,) integers, the group of each text; given if and only if the references have groups.

        Raises:
            TypeError: an array that is not of integers.
            ValueError: a wrong shape, a length out of range, a negative id, groups missing or not expected, or a group
                without references.
        """
        tokens, lengths = checked_texts(tokens, lengths)
        group = self._group_indices(groups, len(tokens))
        matches = self._ngrams.clipped_matches(tokens, lengths, group)
        totals = ngram_totals(lengths, self.max_order)
        precisions, orders = smoothed_precisions(matches, totals, self.smooth_method, self.smooth_value)
        if not self.effective_order:
            orders = np.full(len(tokens), self.max_order)
        return bleu(precisions, orders, brevity_penalty(lengths, self._lengths.closest(lengths, group)))

    def _group_indices(self, groups: NDArray[Any] | None, count: int) -> IntArray:
        """The texts' groups as positions among the known groups; 0 without groups."""
        if self._groups is None:
            if groups is not None:
                raise ValueError(
                    "groups: the references have none; build BleuScorer with groups= or leave them out here"
                )
            return np.zeros(count, np.int64)
        if groups is None:
            raise ValueError(f"groups=None: the references have groups; give each of the {count} texts its own")
        groups = _checked_groups(groups, count, "text")
        indices = np.minimum(np.searchsorted(self._groups, groups), len(self._groups) - 1)
        unknown = self._groups[indices] != groups
        if unknown.any():
            row = int(unknown.argmax())
            raise ValueError(
                f"groups[{row}]={groups[row]} has no reference to compare text {row} with; "
                f"give at least one reference of that group to BleuScorer"
            )
        return indices


@dataclass(frozen=True)
class LengthTable:
    """The lengths of the references of each group.

    Attributes:
        keys: distinct `group * base + length`, ascending.
        base: one more than the longest length.
        starts: (G + 1,) where each group's keys start, and where the last one's end.
    """

    keys: IntArray
    base: int
    starts: IntArray

    @classmethod
    def of(cls, lengths: IntArray, groups: IntArray) -> LengthTable:
        """The table of R references of `lengths` (R,) in groups (R,) numbered from 0."""
        base = int(lengths.max()) + 1
        keys = np.unique(groups * base + lengths)
        return cls(keys, base, keys.searchsorted(np.arange(int(groups.max()) + 2) * base))

    def closest(self, lengths: IntArray, groups: IntArray) -> IntArray:
        """The reference length of its group that is closest to each text's (N,), the shorter of two: (N,)."""
        at = self.keys.searchsorted(groups * self.base + np.minimum(lengths, self.base - 1))
        shorter = self.keys[np.maximum(at - 1, self.starts[groups])] % self.base
        longer = self.keys[np.minimum(at, self.starts[groups + 1] - 1)] % self.base
        closest: IntArray = np.where(abs(lengths - shorter) <= abs(longer - lengths), shorter, longer)
        return closest


def ngram_totals(lengths: IntArray, max_order: int) -> IntArray:
    """How many n-grams of each order 1 .. `max_order` texts of `lengths` (N,) have: (N, max_order)."""
    totals: IntArray = np.maximum(lengths[:, None] - np.arange(max_order), 0)
    return totals


def smoothed_precisions(
    matches: FloatArray, totals: IntArray, smooth_method: SmoothMethod, smooth_value: float
) -> tuple[FloatArray, IntArray]:
    """The modified n-gram precisions p_n of Papineni et al. (2002), smoothed as Chen and Cherry (2014) write.

    Args:
        matches: (N, K) clipped matches of the orders 1 .. K.
        totals: (N, K) n-grams of those orders.
        smooth_method: see `BleuScorer`.
        smooth_value: for "floor" and "add-k".

    Returns:
        precisions (N, K) float64, 0 where a text has no n-gram of the order and for a text without any match, as in
        sacrebleu; and the number (N,) of orders that it has n-grams of, those counted that "add-k" adds.
    """
    numerators, denominators = matches, totals.astype(np.float64)
    if smooth_method == "add-k":
        k = np.full(matches.shape[1], smooth_value)
        k[0] = 0.0
        numerators, denominators = matches + k, denominators + k
    existing = denominators > 0
    missed = existing & (numerators == 0)
    if smooth_method == "exp":
        numerators = np.where(missed, np.exp2(-missed.cumsum(1)), numerators)
    elif smooth_method == "floor":
        numerators = np.where(missed, smooth_value, numerators)
    matched = matches.any(1, keepdims=True)
    return matched * numerators / np.where(existing, denominators, 1.0), existing.sum(1)


def brevity_penalty(lengths: IntArray, reference_lengths: IntArray) -> FloatArray:
    """BP of Papineni et al. (2002), section 2.2.2: 1 for a text (N,) at least as long as its reference (N,),
    else exp(1 - reference length / length), 0 for an empty text."""
    ratio = reference_lengths / np.maximum(lengths, 1)
    penalty: FloatArray = np.where(lengths < reference_lengths, np.exp(1.0 - np.maximum(ratio, 1.0)), 1.0)
    penalty[(lengths == 0) & (reference_lengths > 0)] = 0.0
    return penalty


def bleu(precisions: FloatArray, orders: IntArray, penalty: FloatArray) -> FloatArray:
    """BP * (p_1 p_2 .. p_K)^(1/K): precisions (N, >= K), K = orders (N,), penalty (N,) -> (N,); 0 where K is 0."""
    counted = np.arange(precisions.shape[1]) < orders[:, None]
    with np.errstate(divide="ignore"):
        log_precisions = np.log(precisions)
    mean = np.where(counted, log_precisions, 0.0).sum(1) / np.maximum(orders, 1)
    return np.where(orders > 0, penalty * np.exp(mean), 0.0)


def checked_smoothing(smooth_method: str, smooth_value: float | None) -> float:
    """The value that `smooth_method` works with: `smooth_value`, or its default (0 where it takes none).

    Raises:
        TypeError: a value that is not a number.
        ValueError: an unknown method, a value out of range, or one for a method that takes none.
    """
    if smooth_method not in get_args(SmoothMethod):
        raise ValueError(f"smooth_method={smooth_method!r} must be one of {', '.join(get_args(SmoothMethod))}")
    if smooth_value is None:
        return SMOOTH_DEFAULTS.get(smooth_method, 0.0)
    if smooth_method not in SMOOTH_DEFAULTS:
        raise ValueError(f"smooth_value={smooth_value!r}: smooth_method={smooth_method!r} takes no value; leave it out")
    if isinstance(smooth_value, bool) or not isinstance(smooth_value, int | float | np.number):
        raise TypeError(f"smooth_value={smooth_value!r} must be a number, got {type(smooth_value).__name__}")
    most = 1.0 if smooth_method == "floor" else np.finfo(np.float64).max
    if not 0 <= smooth_value <= most:
        allowed = "in 0 .. 1" if smooth_method == "floor" else "finite and >= 0"
        raise ValueError(f"smooth_value={smooth_value!r} must be {allowed} for smooth_method={smooth_method!r}")
    return float(smooth_value)


def _checked_references(references: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """The references end to end (sum of lengths,) and their lengths (R,)."""
    try:
        lengths = np.fromiter(map(len, references), np.int64, len(references))
        tokens = np.array(list(chain.from_iterable(references)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"references must be sequences of token ids, one a reference: {error}") from None
    if not len(lengths):
        raise ValueError("references: got none; BLEU compares with at least one text")
    if tokens.size and (tokens.ndim != 1 or tokens.dtype.kind not in "iu"):
        raise TypeError(
            f"references must hold integer token ids, got dtype {tokens.dtype} and {tokens.ndim} dimension(s)"
        )
    tokens = tokens.astype(np.int64)
    if tokens.min(initial=0) < 0:
        at = int((tokens < 0).argmax())
        row = int(lengths.cumsum().searchsorted(at, side="right"))
        raise ValueError(f"references[{row}] holds {tokens[at]}; token ids must be >= 0 and references without padding")
    return tokens, lengths


def _checked_groups(groups: NDArray[Any], count: int, what: str) -> IntArray:
    groups = np.asarray(groups)
    if groups.dtype.kind not in "iu":
        raise TypeError(f"groups must be an array of integers, got dtype {groups.dtype}")
    if groups.shape != (count,):
        raise ValueError(f"groups has shape {groups.shape}, expected ({count},): one for each {what}")
    return groups.astype(np.int64, copy=False)
