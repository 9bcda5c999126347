"""The parts of BLEU: precisions, smoothing, brevity penalty.

The values are sacrebleu's (Post, "A Call for Clarity in Reporting BLEU Scores", 2018), divided by 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from textgen_env.checks import is_number
from textgen_env.metrics.ngrams import FloatArray
from textgen_env.vocabulary import IntArray

SmoothMethod = Literal["none", "floor", "add-k", "exp"]
SMOOTH_DEFAULTS: Mapping[str, float] = MappingProxyType({"floor": 0.1, "add-k": 1.0})
"""Value of the methods that take one, as Chen and Cherry (2014) set it."""


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
    """Numbers (N, max_order) of the n-grams of each order 1 .. `max_order` that texts of `lengths` (N,) have."""
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
    if not is_number(smooth_value):
        raise TypeError(f"smooth_value={smooth_value!r} must be a number, got {type(smooth_value).__name__}")
    most = 1.0 if smooth_method == "floor" else np.finfo(np.float64).max
    if not 0 <= smooth_value <= most:
        allowed = "in 0 .. 1" if smooth_method == "floor" else "finite and >= 0"
        raise ValueError(f"smooth_value={smooth_value!r} must be {allowed} for smooth_method={smooth_method!r}")
    return float(smooth_value)
