"""Radar pictures of the diagnostics: one an agent, a spoke for each diagnostic, from 0 (uniform) to 1 (optimum)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from benchmarks.report.plots import DOTS_PER_INCH, PALETTE

Score = tuple[float, float | None]
COLUMNS = 4
WIDE, HIGH = 2.7, 2.35
"""Inches of one radar."""


@dataclass(frozen=True)
class Inks:
    """Colours of a radar picture.

    Attributes:
        text, faint: of words, and of circles and spokes.
        colour: of the agents' shapes; one for all, since no two are in one circle.
    """

    text: str = "#1f2328"
    faint: str = "#b9bdc2"
    colour: str = PALETTE[0]


# A dollar in a name is a dollar, and no formula.
@matplotlib.rc_context({"text.parse_math": False})
def radars(agents: Mapping[str, Mapping[str, Score]], inks: Inks | None = None) -> Figure:
    """The figure.

    Args:
        agents: label -> name of a diagnostic -> score and standard error, the same diagnostics for all.
        inks: of a page; None for one that is white.
    """
    chosen = inks or Inks()
    columns = min(COLUMNS, len(agents))
    rows = math.ceil(len(agents) / columns)
    figure = Figure(figsize=(WIDE * columns, HIGH * rows), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    if inks is not None:
        figure.patch.set_alpha(0)
    for place, (label, found) in enumerate(agents.items()):
        axes = figure.add_subplot(rows, columns, 1 + place, projection="polar")
        assert isinstance(axes, PolarAxes)
        _radar(axes, label, list(found), list(found.values()), chosen)
    return figure


def _radar(axes: PolarAxes, label: str, names: Sequence[str], scores: Sequence[Score], inks: Inks) -> None:
    angles = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    heights = np.array([score for score, _ in scores])
    errors = [error or 0.0 for _, error in scores]
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.patch.set_alpha(0)
    round_again = np.append(np.arange(len(names)), 0)
    axes.fill(angles, heights, color=inks.colour, alpha=0.22, linewidth=0)
    axes.plot(angles[round_again], heights[round_again], color=inks.colour, linewidth=1.8)
    axes.errorbar(angles, heights, yerr=errors, fmt="o", color=inks.colour, markersize=3, elinewidth=1.2)
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0.25, 0.5, 0.75, 1.0], ["", "0.5", "", "1"], fontsize=6.5, color=inks.text)
    axes.set_rlabel_position(180 / len(names))
    axes.set_xticks(angles, list(names), fontsize=7.5, color=inks.text)
    for angle, text in zip(angles, axes.get_xticklabels(), strict=True):
        # Beside the circle, words begin or end at it.
        sideways = math.sin(angle)
        text.set_horizontalalignment("center" if abs(sideways) < 0.1 else "left" if sideways > 0 else "right")
    axes.tick_params(axis="x", pad=-1)
    axes.grid(color=inks.faint, linewidth=0.7)
    axes.spines["polar"].set_color(inks.faint)
    axes.spines["polar"].set_linewidth(0.6)
    axes.set_title(label, fontsize=10, fontweight="bold", color=inks.text, pad=8)
