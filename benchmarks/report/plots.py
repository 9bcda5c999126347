"""Learning curves, as figures of matplotlib and as SVG that a page can hold."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from benchmarks.measures.measures import RETURN, title
from benchmarks.report.label_places import spread_apart
from benchmarks.store.results import Point

FloatArray = NDArray[np.float64]
Axis = Literal["tokens", "seconds"]
Dashes = tuple[float, tuple[float, ...]]
"""Of a line: the offset, and lengths on and off in line widths; none for an unbroken line."""

# Okabe and Ito (2008), distinguishable in all common forms of colour blindness; its yellow is too pale for lines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Dashes, ...] = ((0.0, ()), (0.0, (6.0, 2.0)), (0.0, (2.0, 1.5)), (0.0, (6.0, 2.0, 1.5, 2.0)))
NAME_INCHES = 0.26
"""Height of a name beside the curves."""
LABEL_SHARE = 0.03
"""Of the width: what an upright label takes."""
GREY = "#5f6368"
GRID = 200


@dataclass(frozen=True)
class Curve:
    """One algorithm's learning curve over seeds.

    Attributes:
        tokens, seconds: (P,) means over seeds, at P evenly spaced shares of the training budget; tokens are those
            generated and read.
        mean, low, high: (P,) of the return, or of the measure shown, over seeds: mean, lowest, highest.
        read, generated: which kinds of tokens there are among them.
        pretrained: tokens and seconds at which pre-training ended, means over seeds; None without.
    """

    tokens: FloatArray
    seconds: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    read: bool
    generated: bool
    pretrained: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """A curve with its name and how it is drawn."""

    label: str
    curve: Curve
    colour: str
    dashes: Dashes


@dataclass(frozen=True)
class Level:
    """A horizontal line: its title and its height."""

    title: str
    value: float


def style(position: int) -> tuple[str, Dashes]:
    """Colour and dashes of the line in this position; no two of the first 28 share both."""
    return PALETTE[position % len(PALETTE)], DASHES[(position // len(PALETTE)) % len(DASHES)]


def curve_over_seeds(curves: Sequence[Sequence[Point]], of: str = RETURN) -> Curve | None:
    """The mean over seeds of their learning curves, each read off (linearly) at the same shares of its own training.

    Shares, because runs that differ in length or speed have no common tokens or seconds at which to be averaged.

    Args:
        curves: of each seed.
        of: the return, or the name of a measure of the points.

    Returns:
        None if a run was not trained, or lacks the measure: it has no curve.
    """
    shares = np.linspace(0.0, 1.0, GRID)
    tokens, seconds, heights = [], [], []
    for points in curves:
        total = np.array([point.tokens for point in points], np.float64)
        if total[-1] == total[0] or any(_height(point, of) is None for point in points):
            return None
        done = (total - total[0]) / (total[-1] - total[0])
        tokens.append(np.interp(shares, done, total))
        seconds.append(np.interp(shares, done, [point.seconds for point in points]))
        heights.append(np.interp(shares, done, [_height(point, of) for point in points]))  # type: ignore[arg-type]
    ends = [end for end in map(end_of_pretraining, curves) if end is not None]
    over_seeds = np.array(heights)
    return Curve(
        tokens=np.mean(tokens, 0),
        seconds=np.mean(seconds, 0),
        mean=over_seeds.mean(0),
        low=over_seeds.min(0),
        high=over_seeds.max(0),
        read=any(points[-1].tokens_read for points in curves),
        generated=any(points[-1].tokens_generated for points in curves),
        pretrained=(
            (float(np.mean([end.tokens for end in ends])), float(np.mean([end.seconds for end in ends])))
            if ends
            else None
        ),
    )


def end_of_pretraining(points: Sequence[Point]) -> Point | None:
    """The first point of the last phase, where there are several; else the first of all, where it is the end of another
    run; else None."""
    last = points[-1].phase
    for before, point in reversed(list(pairwise(points))):
        if before.phase not in ("", last):
            return point
    return points[0] if points[0].tokens else None


def _height(point: Point, of: str) -> float | None:
    return point.mean_return if of == RETURN else point.measures.get(of)


def learning_curves(
    lines: Sequence[Line],
    levels: Sequence[Level],
    axis: Axis,
    unit: str = "",
    of: str = RETURN,
    within: tuple[float, float] | None = None,
    axis_title: str = "",
) -> Figure:
    """Return, or the measure `of`, against tokens or seconds of training: the mean over seeds, the band from the lowest
    to the highest, levels to compare with, and a dotted vertical line where pre-training ends. Heights not `within`
    are not shown; the names of what ends there say where it does, beside an arrow."""
    # Room for a name a line, however many there are.
    height = max(4.2, NAME_INCHES * (len(lines) + len(levels)) + 0.8)
    figure = Figure(figsize=(5.4, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line in lines:
        x = line.curve.tokens if axis == "tokens" else line.curve.seconds
        axes.fill_between(x, line.curve.low, line.curve.high, color=line.colour, alpha=0.18, linewidth=0)
        axes.plot(x, line.curve.mean, color=line.colour, linestyle=line.dashes, linewidth=2.0)
        axes.plot(x[-1:], line.curve.mean[-1:], color=line.colour, marker="o", markersize=4)
    if within is not None:
        levels = [level for level in levels if within[0] <= level.value <= within[1]]
        room = 0.06 * (within[1] - within[0])
        axes.set_ylim(within[0] - room, within[1] + room)
    for level in levels:
        axes.axhline(level.value, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    end = max((_end(line, axis) for line in lines), default=1.0)
    axes.set_xlim(0.0, end * 1.02)
    if within is None:
        axes.margins(y=0.06)
    axes.set_xlabel(axis_title or _axis_title(lines, axis))
    axes.set_ylabel(("mean return" if of == RETURN else title(of)) + (f" ({unit})" if unit else ""))
    axes.xaxis.set_major_formatter(EngFormatter(sep="") if axis == "tokens" else EngFormatter(unit="s", sep=" "))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=GREY)
    labelled = -end
    for place in _ends_of_pretraining(lines, axis, end):
        axes.axvline(place, color=GREY, linewidth=1.0, linestyle=(0, (1, 2)), zorder=0)
        if place - labelled < LABEL_SHARE * end:
            continue
        labelled = place
        axes.annotate(
            "pre-training ends",
            xy=(place, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-2, 0),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="top",
            fontsize=7,
            color=GREY,
        )
    _label(axes, lines, levels, axis)
    return figure


def to_svg(figure: Figure, prefix: str, name: str) -> str:
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
    return drawing.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)


def _end(line: Line, axis: Axis) -> float:
    return float(line.curve.tokens[-1] if axis == "tokens" else line.curve.seconds[-1])


def _ends_of_pretraining(lines: Sequence[Line], axis: Axis, end: float) -> list[float]:
    """Where they lie; those that could not be told apart are one."""
    places = [line.curve.pretrained[axis == "seconds"] for line in lines if line.curve.pretrained is not None]
    apart: list[float] = []
    for place in sorted(places):
        if not apart or place - apart[-1] > 0.01 * end:
            apart.append(place)
    return apart


def _axis_title(lines: Sequence[Line], axis: Axis) -> str:
    if axis == "seconds":
        return "seconds of training (wall clock)"
    if any(line.curve.read and line.curve.generated for line in lines):
        return "tokens read and generated"
    readers = [line.label for line in lines if line.curve.read]
    generating = len(readers) < len(lines)
    if not readers:
        return "tokens generated"
    return f"tokens generated ({', '.join(readers)}: tokens read)" if generating else "tokens read"


def _label(axes: Axes, lines: Sequence[Line], levels: Sequence[Level], axis: Axis) -> None:
    """Names beside the right edge, at their line's end where there is room; far from it, a thin line leads there."""
    low, high = axes.get_ylim()
    right = axes.get_xlim()[1]
    named = []
    for line in lines:
        height, name = float(line.curve.mean[-1]), line.label
        if not low <= height <= high:
            name, height = f"{name} {'↓' if height < low else '↑'} {height:.3g}", min(max(height, low), high)
        named.append((height, name, line.colour, _end(line, axis)))
    named += [(level.value, level.title, GREY, right) for level in levels]
    gap = (high - low) * NAME_INCHES / axes.figure.get_figheight()
    places = spread_apart([height for height, *_ in named], gap, (low, high))
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
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.8,
                "linestyle": (0, (1, 3)),
                "relpos": (0.0, 0.5),
                "shrinkB": 0,
            },
        )
