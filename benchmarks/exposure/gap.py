"""Gap between what an agent writes after real prefixes and after its own, and whether it grows; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.analysis.statistics import mean_interval
from textgen_env.metrics import Estimate, monte_carlo_mean

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """Gap at one length of the prefix.

    Attributes:
        length: k, tokens of the prefix.
        real, own: mean score of continuations after real prefixes and after the agent's own.
        gap: by how much those after its own are worse, whichever direction is worse; with the standard error of paired
            texts.
    """

    length: int
    real: Estimate
    own: Estimate
    gap: Estimate


def gap_at(length: int, real: ArrayLike, own: ArrayLike, higher_is_better: bool) -> Gap:
    """The gap of scores after k = `length` tokens.

    Args:
        length: k.
        real, own: (N,) scores of the continuations of real prefixes and of the agent's own, in pairs that are drawn
            independently of one another: by the same random numbers, and for the same source.
        higher_is_better: of the scores.

    Raises:
        ValueError: other shapes, no texts, or scores that are not finite.
    """
    after_real, after_own = np.asarray(real, np.float64), np.asarray(own, np.float64)
    if after_real.shape != after_own.shape:
        raise ValueError(f"own has shape {after_own.shape}, expected that of real, {after_real.shape}")
    if not (np.isfinite(after_real).all() and np.isfinite(after_own).all()):
        raise ValueError(f"scores after {length} tokens are not all finite; the agent never writes what the task does")
    worse = after_real - after_own if higher_is_better else after_own - after_real
    return Gap(length, monte_carlo_mean(after_real), monte_carlo_mean(after_own), monte_carlo_mean(worse))


def growth(lengths: Sequence[int], gaps: ArrayLike) -> FloatArray:
    """By how much gaps (S, K) of S runs grow with each token of the prefix: the slopes (S,) of the least-squares lines
    over their K lengths.

    Raises:
        ValueError: fewer than two lengths, or another shape than (S, K).
    """
    x, y = np.asarray(lengths, np.float64), np.asarray(gaps, np.float64)
    if len(x) < 2 or y.ndim != 2 or y.shape[1] != len(x):
        raise ValueError(f"gaps must be (S, {len(x)}) over at least 2 lengths, got shape {y.shape}")
    centred = x - x.mean()
    return np.asarray(y @ centred / (centred @ centred))


@dataclass(frozen=True)
class OverSeeds:
    """Number over seeds: its mean, and the ends of the 95% interval of the mean by Student's t; None of a single
    seed."""

    mean: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: ArrayLike) -> OverSeeds:
        """Of the values (S,) of S seeds."""
        found = np.asarray(values, np.float64)
        low, high = mean_interval(found) if len(found) > 1 else (None, None)
        return cls(float(found.mean()), low, high)

    @property
    def above_zero(self) -> bool | None:
        """Whether it is: True or False where the interval says so, else None."""
        if self.low is None or self.high is None:
            return None
        return True if self.low > 0 else False if self.high < 0 else None


def less(runs: Mapping[int, Sequence[Gap]], others: Mapping[int, Sequence[Gap]]) -> OverSeeds | None:
    """The mean gap of one algorithm less that of another, run by run of the same seed, over the lengths k >= 1 that
    both have; None without a seed or a length in common.

    Args:
        runs, others: the gaps of each seed.
    """
    differences = []
    for seed in runs.keys() & others.keys():
        pair = [{each.length: each.gap.value for each in gaps if each.length} for gaps in (runs[seed], others[seed])]
        common = sorted(pair[0].keys() & pair[1].keys())
        if common:
            differences.append(np.mean([pair[0][k] - pair[1][k] for k in common]))
    return OverSeeds.of(differences) if differences else None


@dataclass(frozen=True)
class Exposure:
    """Exposure bias of an algorithm by one score.

    Attributes:
        gap: mean over the lengths k >= 1 of the prefix; above 0 where it goes on worse from its own prefixes.
        growth: of the gap with each token of the prefix, k >= 1; None of fewer than two lengths.
        ratio: of the mean score after its own prefixes to that after real ones, as He et al. (2021) give it; None where
            that is 0.
    """

    gap: OverSeeds
    growth: OverSeeds | None
    ratio: OverSeeds | None


def exposure(runs: Sequence[Sequence[Gap]]) -> Exposure:
    """Exposure that the gaps of S runs show together, each at the same lengths.

    After 0 tokens there is no prefix and the gap is 0, so that this length is left out.

    Raises:
        ValueError: no runs, or runs of different lengths, or none of them above 0.
    """
    lengths = [[each.length for each in run if each.length] for run in runs]
    if not lengths or not lengths[0] or any(each != lengths[0] for each in lengths):
        raise ValueError(f"runs must have gaps at the same lengths, one above 0 among them; got {lengths}")
    used = [[each for each in run if each.length] for run in runs]
    gaps = np.array([[each.gap.value for each in run] for run in used])
    real, own = (
        np.array([[getattr(each, name).value for each in run] for run in used]).mean(1) for name in ("real", "own")
    )
    grown = None if len(lengths[0]) < 2 else OverSeeds.of(growth(lengths[0], gaps))
    ratio = OverSeeds.of(own / real) if (real > 0).all() else None
    return Exposure(OverSeeds.of(gaps.mean(1)), grown, ratio)
