"""Forward and reverse divergence: one bell fitted to two, by either."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pictures.canvas import Palette, blank, legend

ALTERNATIVE = (
    "A distribution with two bells, and one bell fitted to it. Fitted by the forward divergence it spreads over both; "
    "fitted by the reverse divergence it sits on the taller one and leaves the other out."
)
X = np.linspace(-5, 6, 441)


def _bell(mean: float, std: float) -> NDArray[np.float64]:
    heights: NDArray[np.float64] = np.exp(-0.5 * ((X - mean) / std) ** 2)
    return heights / heights.sum()


P = 0.6 * _bell(-1.5, 0.7) + 0.4 * _bell(2.5, 0.7)


def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """KL(p || q) on the grid, in nats; q is nowhere 0."""
    floored = np.maximum(q, 1e-300)
    counted = p > 0
    return float((p[counted] * np.log(p[counted] / floored[counted])).sum())


@cache
def fitted() -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the bell of least KL(p || q), "forward", and of least KL(q || p), "reverse"."""
    grid = [(float(mean), float(std)) for mean in np.arange(-3, 4, 0.1) for std in np.arange(0.4, 3, 0.1)]
    return {
        "forward": min(grid, key=lambda at: divergence(P, _bell(*at))),
        "reverse": min(grid, key=lambda at: divergence(_bell(*at), P)),
    }


def draw(palette: Palette) -> Figure:
    figure, (axes,) = blank(palette, 6.0, 2.8)
    axes.fill_between(X, P, color=palette.faint, alpha=0.7, label="p, the true texts")
    axes.plot(X, _bell(*fitted()["forward"]), color=palette.series[0], label="least KL(p ‖ q): likelihood covers")
    axes.plot(X, _bell(*fitted()["reverse"]), "--", color=palette.series[1], label="least KL(q ‖ p): picks one")
    axes.set_yticks([])
    axes.set_xticks([])
    legend(axes, palette, loc="upper right")
    return figure
