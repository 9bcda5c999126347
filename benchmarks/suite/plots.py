"""Pictures of a leaderboard: intervals of the agents, performance profiles, and scores by environment."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from benchmarks.analysis.aggregates import performance_profile, profile_band
from benchmarks.report.plots import DOTS_PER_INCH, GREY, style
from benchmarks.suite.leaderboard import Place
from benchmarks.suite.scores import SuiteScores
from benchmarks.suite.tables import without_minus_zero

NAMED = 6
"""Agents whose profiles are named and coloured; more could not be told apart."""
ROW_INCHES = 0.24
THRESHOLDS = 201
# Scores beyond are drawn as those at the end: the text of the cell says what they are.
COLOURS = (-1.0, 0.0, 1.0)
TITLES = {"iqm": "interquartile mean", "median": "median", "optimality_gap": "optimality gap"}


# A dollar in a name is a dollar, and no formula.
@matplotlib.rc_context({"text.parse_math": False})
def interval_picture(places: Sequence[Place]) -> Figure:
    """A panel for each aggregate, a line for each agent with a place: the estimate and its 95% interval."""
    shown = [each for each in places if each.place is not None][::-1]
    figure = _figure(8.0, ROW_INCHES * len(shown) + 0.9)
    panels = figure.subplots(1, len(TITLES), sharey=True, squeeze=False)[0]
    heights = np.arange(len(shown))
    for axes, (name, title) in zip(panels, TITLES.items(), strict=True):
        for height, each in zip(heights, shown, strict=True):
            found = each.aggregates[name]
            if found.interval is not None:
                axes.plot(
                    found.interval, (height, height), color=style(0)[0], alpha=0.35, linewidth=6, solid_capstyle="butt"
                )
            axes.plot(found.value, height, color=style(0)[0], marker="o", markersize=4)
        axes.axvline(0.0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.set_xlabel(title, fontsize=9)
        _plain(axes)
    panels[0].set_yticks(heights, [each.agent for each in shown], fontsize=9)
    panels[0].set_ylim(-0.6, len(shown) - 0.4)
    return figure


@matplotlib.rc_context({"text.parse_math": False})
def profile_picture(scores: SuiteScores, places: Sequence[Place], seed: int = 0) -> Figure:
    """The share of runs above each score: the first agents in colour, with the 95% band of each point, the others in
    grey."""
    shown = [each.agent for each in places if each.place is not None]
    tables = {agent: scores.table(agent) for agent in shown}
    end = float(np.quantile(np.concatenate([table.ravel() for table in tables.values()]), 0.99))
    thresholds = np.linspace(-0.25, max(1.05, min(end, 2.0)), THRESHOLDS)
    figure = _figure(7.2, 4.4)
    axes = figure.add_subplot()
    for agent in shown[NAMED:]:
        axes.plot(thresholds, performance_profile(tables[agent], thresholds), color=GREY, alpha=0.3, linewidth=0.8)
    for position, agent in enumerate(shown[:NAMED]):
        colour, dashes = style(position)
        if len(scores.seeds) > 1:
            low, high = profile_band(tables[agent], thresholds, np.random.default_rng(seed), replicates=500)
            axes.fill_between(thresholds, low, high, color=colour, alpha=0.12, linewidth=0)
        profile = performance_profile(tables[agent], thresholds)
        axes.plot(thresholds, profile, color=colour, linestyle=dashes, linewidth=2.0, label=agent)
    for line in (0.0, 1.0):
        axes.axvline(line, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_xlim(thresholds[0], thresholds[-1])
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel("score τ: 0 is the baseline, 1 the reference")
    axes.set_ylabel("share of runs above τ")
    axes.legend(frameon=False, fontsize=9, labelcolor="linecolor")
    _plain(axes)
    return figure


@matplotlib.rc_context({"text.parse_math": False})
def matrix_picture(scores: SuiteScores, places: Sequence[Place]) -> Figure:
    """Mean scores, agents by environments; blank where an agent does not apply."""
    agents, names = [each.agent for each in places], scores.environments
    means = np.array([[float(np.mean(scores.scores[agent].get(name, [np.nan]))) for name in names] for agent in agents])
    figure = _figure(2.2 + 0.62 * len(names), ROW_INCHES * len(agents) + 1.4)
    axes = figure.add_subplot()
    low, middle, high = COLOURS
    norm = TwoSlopeNorm(middle, low, high)
    axes.imshow(np.ma.masked_invalid(means), cmap="RdBu", norm=norm, aspect="auto", alpha=0.8)
    for row, column in np.argwhere(np.isfinite(means)):
        value = means[row, column]
        colour = "white" if abs(value) > 0.75 else "black"
        axes.text(column, row, without_minus_zero(value), ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(agents)), agents, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, color=GREY)
    axes.grid(axis="x", color=GREY, alpha=0.2, linewidth=0.6)
