"""Dominance of one curve of quality against diversity by another; pure functions.

A point is (quality, diversity), each turned so that more is better. A curve is the broken line through its points, one
a temperature, in their order. Curve B dominates curve A if for each point of A there is a point of B at least as good
in both: so Caccia, Caccia, Fedus, Larochelle, Pineau and Charlin, "Language GANs Falling Short" (2020), read such
figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.analysis.statistics import mean_interval

FloatArray = NDArray[np.float64]


def margins(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """By how much the best point of B is better than each point of A, in the worse of the two: for each point x of A,
    max over y on curve B of min(y_quality - x_quality, y_diversity - x_diversity).

    It is >= 0 just where a point of B is at least as good in both. The least of a curve's margins is minus the additive
    epsilon indicator of Zitzler, Thiele, Laumanns, Fonseca and Grunert da Fonseca, "Performance Assessment of
    Multiobjective Optimizers" (2003). Where the units of quality and diversity differ, it is the sign that counts.

    Args:
        a: (P, 2).
        b: (Q, 2), Q >= 1, in the order in which the curve goes through them.

    Returns:
        (P,) float64.

    Raises:
        ValueError: other shapes, or points that are not finite.
    """
    points, curve = _checked("a", a), _checked("b", b)
    ahead = curve[None] - points[:, None]  # (P, Q, 2)
    best: FloatArray = ahead.min(2).max(1)
    if len(curve) < 2:
        return best
    begin, end = ahead[:, :-1], ahead[:, 1:]  # (P, Q - 1, 2)
    # The least of two linear functions is greatest at an end, or where they cross.
    lead = begin[..., 0] - begin[..., 1]
    change = lead - (end[..., 0] - end[..., 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = lead / change
    inside = (share > 0) & (share < 1)
    share = np.where(inside, share, 0.0)[..., None]
    crossing = (begin + share * (end - begin)).min(2)
    crossed: FloatArray = np.where(inside, crossing, -np.inf).max(1)
    return np.maximum(best, crossed)


def within_reach(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Which points of A (P, 2) curve B (Q, 2) was swept far enough to be held against: (P,) bool, those of at least the
    lowest quality and the lowest diversity that B shows. Beyond them nothing is known of B, which may be swept further;
    a point that is better than all of B's in one of the two tells against B, and stays.
    """
    points, curve = _checked("a", a), _checked("b", b)
    return np.asarray((points >= curve.min(0)).all(1))


@dataclass(frozen=True)
class Dominance:
    """Whether curve B dominates curve A, over S seeds.

    Attributes:
        margins: (K,) means over seeds of `margins` at the points of A within B's reach with every seed; where
            there are none, at those that B beats (a margin >= 0) with every seed.
        low, high: (K,) the ends of their 95% intervals by Student's t; None of a single seed.
        points: (K,) which points of A these are.
        mean: of the margins over those points, and over seeds; NaN where there are none.
        mean_low, mean_high: the ends of its interval over seeds.
    """

    margins: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    points: NDArray[np.int64]
    mean: float
    mean_low: float | None
    mean_high: float | None

    @property
    def dominates(self) -> bool | None:
        """True where at every point the whole interval is >= 0: as each must be, all together err at most as often as
        one does. False where at some point the whole interval is below 0. None: one seed, no points, or not certain."""
        if not len(self.points) or self.low is None or self.high is None:
            return None
        if (self.low >= 0).all():
            return True
        return False if (self.high < 0).any() else None

    @property
    def ahead(self) -> bool | None:
        """Whether B is ahead of A's points on average: True or False where the interval says so, else None."""
        if self.mean_low is None or self.mean_high is None:
            return None
        return True if self.mean_low > 0 else False if self.mean_high < 0 else None


def dominance(a: ArrayLike, b: ArrayLike) -> Dominance:
    """Whether curve B dominates curve A.

    Args:
        a: (S, P, 2), a curve a seed, its points at the same temperatures with every seed.
        b: (S, Q, 2), of the same seeds.

    Raises:
        ValueError: other shapes, or points that are not finite.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 3 or second.ndim != 3 or len(first) != len(second) or not len(first):
        raise ValueError(
            f"a and b must be (S, P, 2) and (S, Q, 2) of the same seeds, got {first.shape}, {second.shape}"
        )
    pairs = list(zip(first, second, strict=True))
    every = np.array([margins(*pair) for pair in pairs])  # (S, P)
    points = np.flatnonzero(np.all([within_reach(*pair) for pair in pairs], axis=0))
    if not len(points):
        points = np.flatnonzero((every >= 0).all(0))
    found = every[:, points]  # (S, K)
    if not len(points):
        return Dominance(np.empty(0), None, None, points, float("nan"), None, None)
    middle, mean = found.mean(0), float(found.mean())
    if len(found) < 2:
        return Dominance(middle, None, None, points, mean, None, None)
    low, high = np.array([mean_interval(values) for values in found.T]).T
    return Dominance(middle, low, high, points, mean, *mean_interval(found.mean(1)))


def _checked(name: str, points: ArrayLike) -> FloatArray:
    found = np.asarray(points, np.float64)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise ValueError(f"{name} must be points (P, 2), P >= 1, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite; leave out runs that diverged, and say so")
    return found
