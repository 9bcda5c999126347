"""Learning curves, as figures of matplotlib and as SVG that a page can hold."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from benchmarks.results import Point

FloatArray = NDArray[np.float64]
Axis = Literal["tokens", "seconds"]
Dashes = tuple[float, tuple[float, ...]]
"""Of a line: the offset, and lengths on and off in line widths; none for an unbroken line."""

# Okabe and Ito (2008), distinguishable in all common forms of colour blindness; its yellow is too pale for lines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Dashes, ...] = ((0.0, ()), (0.0, (6.0, 2.0)), (0.0, (2.0, 1.5)), (0.0, (6.0, 2.0, 1.5, 2.0)))
GREY = "#5f6368"
GRID = 200


@dataclass(frozen=True)
class Curve:
    """One algorithm's learning curve over seeds.

    Attributes:
        tokens, seconds: (P,) means over seeds, at P evenly spaced shares of the training budget.
        mean, low, high: (P,) of the return over seeds: mean, lowest, highest.
        read: whether the tokens are read rather than generated.
    """

    tokens: FloatArray
    seconds: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    read: bool


@dataclass(frozen=True)
class Line:
    """A curve with its name and how it is drawn."""

    label: str
    curve: Curve
    colour: str
    dashes: Dashes


@dataclass(frozen=True)
class Level:
    """A horizontal line: its title and its return."""

    title: str
    value: float


def style(position: int) -> tuple[str, Dashes]:
    """Colour and dashes of the line in this position; no two of the first 28 share both."""
    return PALETTE[position % len(PALETTE)], DASHES[(position // len(PALETTE)) % len(DASHES)]


def curve_over_seeds(curves: Sequence[Sequence[Point]]) -> Curve | None:
    """The mean over seeds of their learning curves, each read off (linearly) at the same shares of its own training.

    Shares, because runs that differ in length or speed have no common tokens or seconds at which to be averaged.
    Returns None if a run was not trained: it has no curve.
    """
    shares = np.linspace(0.0, 1.0, GRID)
    tokens, seconds, returns = [], [], []
    read = all(points[-1].tokens_generated == 0 for points in curves)
    for points in curves:
        total = np.array([point.tokens_generated + point.tokens_read for point in points], np.float64)
        if total[-1] == 0:
            return None
        done = total / total[-1]
        counted = [point.tokens_read if read else point.tokens_generated for point in points]
        tokens.append(np.interp(shares, done, counted))
        seconds.append(np.interp(shares, done, [point.seconds for point in points]))
        returns.append(np.interp(shares, done, [point.mean_return for point in points]))
    heights = np.array(returns)
    return Curve(
        tokens=np.mean(tokens, 0),
        seconds=np.mean(seconds, 0),
        mean=heights.mean(0),
        low=heights.min(0),
        high=heights.max(0),
        read=read,
    )


def spread_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Places near `heights` that lie at least `gap` apart, in the same order: where labels beside them go.

    Neighbours that are too close become one block around their mean height, and blocks that then touch join.
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[tuple[float, list[int]]] = []  # centre, members from the lowest
    for i in order:
        centre, members = heights[i], [i]
        while blocks and centre - gap * (len(members) - 1) / 2 < blocks[-1][0] + gap * (len(blocks[-1][1]) + 1) / 2:
            below_centre, below = blocks.pop()
            centre = (below_centre * len(below) + centre * len(members)) / (len(below) + len(members))
            members = below + members
        blocks.append((centre, members))
    places = [0.0] * len(heights)
    for centre, members in blocks:
        for position, i in enumerate(members):
            places[i] = centre + gap * (position - (len(members) - 1) / 2)
    return places


def learning_curves(lines: Sequence[Line], levels: Sequence[Level], axis: Axis, unit: str = "") -> Figure:
    """Return against tokens or seconds of training: the mean over seeds, the band from the lowest to the highest, and
    levels to compare with."""
    figure = Figure(figsize=(5.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line in lines:
        x = line.curve.tokens if axis == "tokens" else line.curve.seconds
        axes.fill_between(x, line.curve.low, line.curve.high, color=line.colour, alpha=0.18, linewidth=0)
        axes.plot(x, line.curve.mean, color=line.colour, linestyle=line.dashes, linewidth=2.0)
        axes.plot(x[-1:], line.curve.mean[-1:], color=line.colour, marker="o", markersize=4)
    for level in levels:
        axes.axhline(level.value, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    end = max((_end(line, axis) for line in lines), default=1.0)
    axes.set_xlim(0.0, end * 1.02)
    axes.margins(y=0.06)
    axes.set_xlabel(_axis_title(lines, axis))
    axes.set_ylabel("mean return" + (f" ({unit})" if unit else ""))
    axes.xaxis.set_major_formatter(EngFormatter(sep="") if axis == "tokens" else EngFormatter(unit="s", sep=" "))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=GREY)
    _label(axes, lines, levels, axis)
    return figure


def to_svg(figure: Figure, prefix: str, title: str) -> str:
    """`figure` as an `<svg>` element to put into a page: no outside references, ids that begin with `prefix`, text as
    text, and a size that follows its container's width."""
    buffer = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": prefix}
    with matplotlib.rc_context(settings):  # type: ignore[arg-type]
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", drawing)
    drawing = drawing.replace("xlink:href", "href")
    drawing = re.sub(r'\bid="', f'id="{prefix}-', drawing)
    drawing = re.sub(r'href="#', f'href="#{prefix}-', drawing)
    drawing = re.sub(r"url\(#", f"url(#{prefix}-", drawing)
    # The size is the page's to say; the viewBox keeps the proportions.
    drawing = re.sub(r'(<svg[^>]*?)\swidth="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?)\sheight="[^"]*"', r"\1", drawing, count=1)
    return drawing.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)


def _end(line: Line, axis: Axis) -> float:
    return float(line.curve.tokens[-1] if axis == "tokens" else line.curve.seconds[-1])


def _axis_title(lines: Sequence[Line], axis: Axis) -> str:
    if axis == "seconds":
        return "seconds of training (wall clock)"
    readers = [line.label for line in lines if line.curve.read]
    generating = len(readers) < len(lines)
    if not readers:
        return "tokens generated"
    return f"tokens generated ({', '.join(readers)}: tokens read)" if generating else "tokens read"


def _label(axes: Axes, lines: Sequence[Line], levels: Sequence[Level], axis: Axis) -> None:
    """Names beside the right edge, at their line's end where there is room; far from it, a thin line leads there."""
    low, high = axes.get_ylim()
    named = [(float(line.curve.mean[-1]), line.label, line.colour, _end(line, axis)) for line in lines]
    right = axes.get_xlim()[1]
    named += [(level.value, level.title, GREY, right) for level in levels]
    places = spread_apart([height for height, *_ in named], gap=(high - low) * 0.062)
    for (height, name, colour, end), place in zip(named, places, strict=True):
        axes.annotate(
            name,
            xy=(end, height),
            xytext=(right * 1.02, place),
            color=colour,
            fontsize=9,
            fontweight="bold" if colour != GREY else "normal",
            va="center",
            annotation_clip=False,
            # Dotted, so that nobody takes it for a curve.
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "linestyle": (0, (1, 3)), "shrinkB": 0},
        )
