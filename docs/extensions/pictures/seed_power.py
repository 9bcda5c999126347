"""Power of Welch's test by the number of seeds, simulated; and the chance that n seeds miss a failure."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import ttest_ind

from pictures.canvas import Palette, blank, legend

ALTERNATIVE = (
    "Left: how often Welch's test at 5% finds a true difference, by seeds an agent. A difference of two standard "
    "deviations is mostly missed with 3 seeds and nearly always found with 10; one of half a standard deviation is "
    "found about every other time with 30. Right: the chance that no seed shows a failure that one run in ten has; "
    "it falls slowly."
)
SEEDS = (2, 3, 5, 7, 10, 15, 20, 30)
EFFECTS = (0.5, 1.0, 2.0)
TRIALS = 4_000
FAILURE_RATE = 0.1


@cache
def power(effect: float, seeds: int) -> float:
    """The share of `TRIALS` pairs of normal samples, `effect` standard deviations apart, that Welch's test tells
    apart."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((TRIALS, seeds))
    second = rng.standard_normal((TRIALS, seeds)) + effect
    return float((ttest_ind(first, second, axis=1, equal_var=False).pvalue < 0.05).mean())


def unseen(seeds: int) -> float:
    """The probability that none of `seeds` runs fails."""
    return float((1 - FAILURE_RATE) ** seeds)


def draw(palette: Palette) -> Figure:
    figure, (left, right) = blank(palette, 6.0, 3.2, columns=2)
    for i, effect in enumerate(EFFECTS):
        left.plot(
            SEEDS, [power(effect, seeds) for seeds in SEEDS], "-" + "osD"[i], color=palette.series[i],
            label=f"{effect:g} standard deviations",
        )  # fmt: skip
    left.set_xlabel("seeds an agent")
    left.set_ylabel("share of studies that find it")
    left.set_ylim(0, 1.42)
    left.set_yticks([0, 0.25, 0.5, 0.75, 1])
    legend(left, palette, loc="upper left")
    right.plot(range(1, 31), [unseen(seeds) for seeds in range(1, 31)], color=palette.series[1])
    right.axhline(0.05, color=palette.faint, linestyle="--")
    right.set_xlabel("seeds")
    right.set_ylabel("chance that no failure is seen")
    right.set_ylim(0, 1)
    return figure
