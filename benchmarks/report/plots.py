"""Figures of learning curves, drawn with matplotlib: as files, and as SVG that a page can hold."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from benchmarks.report.curves import Axis, Chart, Line
from benchmarks.store.results import Reference

Dashes = tuple[float, tuple[float, ...]]
"""Of a line: the offset, and lengths on and off in line widths; none for an unbroken line."""
FORMATS = ("png", "svg")
DOTS_PER_INCH = 160

# Okabe and Ito (2008), distinguishable in all common forms of colour blindness; its yellow is too pale for lines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Dashes, ...] = ((0.0, ()), (0.0, (6.0, 2.0)), (0.0, (2.0, 1.5)), (0.0, (6.0, 2.0, 1.5, 2.0)))
NAME_INCHES = 0.26
"""Height of a name beside the curves."""
LABEL_SHARE = 0.03
"""Of the width: what an upright label takes."""
GREY = "#5f6368"


def style(position: int) -> tuple[str, Dashes]:
    """Colour and dashes of the line in this position; no two of the first 28 share both."""
    return PALETTE[position % len(PALETTE)], DASHES[(position // len(PALETTE)) % len(DASHES)]


# A dollar in a name is a dollar, and no formula.
@matplotlib.rc_context({"text.parse_math": False})
def learning_curves(chart: Chart) -> Figure:
    """The figure of a chart: the means over seeds, bands from the lowest to the highest, references, and a dotted
    vertical line where pre-training ends. Heights not within the chart's are not shown; the names of what ends there
    say where it does, beside an arrow."""
    lines, references, axis, within = chart.lines, chart.references, chart.axis, chart.within
    # Room for a name a line, however many there are.
    height = max(4.2, NAME_INCHES * (len(lines) + len(references)) + 0.8)
    figure = Figure(figsize=(5.4, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line in lines:
        x = line.curve.tokens if axis == "tokens" else line.curve.seconds
        colour, dashes = style(line.position)
        axes.fill_between(x, line.curve.low, line.curve.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(x, line.curve.mean, color=colour, linestyle=dashes, linewidth=2.0)
        axes.plot(x[-1:], line.curve.mean[-1:], color=colour, marker="o", markersize=4)
    if within is not None:
        references = tuple(each for each in references if within[0] <= each.value <= within[1])
        room = 0.06 * (within[1] - within[0])
        axes.set_ylim(within[0] - room, within[1] + room)
    for each in references:
        axes.axhline(each.value, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    end = max((_end(line, axis) for line in lines), default=1.0)
    axes.set_xlim(0.0, end * 1.02)
    if within is None:
        axes.margins(y=0.06)
    axes.set_xlabel(chart.x_title)
    axes.set_ylabel(chart.y_title)
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
    _label(axes, lines, references, axis, height)
    # Laid out once: each file of it would move it a little.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def save_figure(figure: Figure, kind: str, path: Path) -> None:
    """Writes the figure, "png" or "svg", into the file; the same figure gives the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "curve"}):
        figure.savefig(path, format=kind, dpi=DOTS_PER_INCH, metadata={"Date": None} if kind == "svg" else None)


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


def spread_apart(heights: Sequence[float], gap: float, within: tuple[float, float] = (-np.inf, np.inf)) -> list[float]:
    """Places near `heights` that lie at least `gap` apart, in the same order: where labels beside them go.

    Neighbours that are too close become one block around their mean height, and blocks that then touch join. What
    reaches out of `within` is moved into it; from above first, if there is not room for all.
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
    lowest, highest = within
    for i in order:
        places[i] = max(places[i], lowest)
        lowest = places[i] + gap
    for i in reversed(order):
        places[i] = min(places[i], highest)
        highest = places[i] - gap
    return places


def _end(line: Line, axis: Axis) -> float:
    return float(line.curve.tokens[-1] if axis == "tokens" else line.curve.seconds[-1])


def _ends_of_pretraining(lines: Sequence[Line], axis: Axis, end: float) -> list[float]:
    """Their places on the axis; those that could not be told apart are one."""
    places = [line.curve.pretrained[axis == "seconds"] for line in lines if line.curve.pretrained is not None]
    apart: list[float] = []
    for place in sorted(places):
        if not apart or place - apart[-1] > 0.01 * end:
            apart.append(place)
    return apart


def _label(axes: Axes, lines: Sequence[Line], references: Sequence[Reference], axis: Axis, inches: float) -> None:
    """Names beside the right edge, at their line's end where there is room; far from it, a thin line leads there."""
    low, high = axes.get_ylim()
    right = axes.get_xlim()[1]
    named = []
    for line in lines:
        height, name = float(line.curve.mean[-1]), line.label
        if not low <= height <= high:
            name, height = f"{name} {'↓' if height < low else '↑'} {height:.3g}", min(max(height, low), high)
        named.append((height, name, style(line.position)[0], _end(line, axis)))
    named += [(each.value, each.title, GREY, right) for each in references]
    gap = (high - low) * NAME_INCHES / inches
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
