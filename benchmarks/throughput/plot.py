"""Pictures of the measurements: ratios as bars, cost against size as lines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from benchmarks.report.plots import GREY, PALETTE
from benchmarks.store.run_folder import write_text, write_whole
from benchmarks.throughput.measured import BenchmarkRow, Curve, Target, Unit
from benchmarks.throughput.table import times

AXES = {"rows": "rows", "tokens": "tokens of a text", "V": "size of the vocabulary", "texts": "texts"}
MET, MISSED, PLAIN = "#009E73", "#D55E00", "#0072B2"


def ratios(rows: Sequence[BenchmarkRow], judged: bool = True) -> Figure:
    """Bars of speeds as multiples of the reference's, with the targets and the floor marked on the same scale.

    Args:
        rows: those without a reference are left out.
        judged: colour the bars by whether all targets are met.
    """
    drawn = [row for row in rows if row.ratio is not None][::-1]
    figure = Figure(figsize=(9.6, 1.5 + 0.34 * max(len(drawn), 1)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    for at, row in enumerate(drawn):
        assert row.ratio is not None
        colour = _colour(row, judged)
        axes.barh(at, row.ratio - 1, left=1, height=0.62, color=colour, alpha=0.85, linewidth=0)
        marks = [mark for target in row.targets if (mark := mark_of(row, target)) is not None]
        axes.plot(marks, [at] * len(marks), marker="|", markersize=17, markeredgewidth=2.4, color="black", linestyle="")
        if row.share:
            axes.plot(row.ratio / row.share, at, marker="D", markersize=5.5, markerfacecolor="white", color=GREY)
        beside = ("axes fraction", "data")
        axes.annotate(
            times(row.ratio), (1.01, at), xycoords=beside, va="center", fontsize=9, fontweight="bold", color=colour
        )
    axes.set_xlim(*_limits(drawn))
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(range(len(drawn)), [row.name for row in drawn], fontsize=9)
    axes.set_ylim(-0.6, len(drawn) - 0.4)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: times(value)))
    axes.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("times as fast as the reference")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    keys = [Line2D([], [], marker="|", markersize=14, markeredgewidth=2.4, color="black", linestyle="", label="target")]
    keys.append(
        Line2D([], [], marker="D", markersize=5.5, markerfacecolor="white", color=GREY, linestyle="", label="floor")
    )
    colours = {"targets met": MET, "a target missed": MISSED, "no target": PLAIN} if judged else {"ours": PLAIN}
    keys += [Line2D([], [], linewidth=7, color=colour, alpha=0.85, label=label) for label, colour in colours.items()]
    figure.legend(handles=keys, loc="outside upper left", ncols=len(keys), frameon=False, fontsize=9)
    return figure


def mark_of(row: BenchmarkRow, target: Target) -> float | None:
    """Where on the scale of ratios a row reaches a target: a cost and a share are ratios too, given what the reference
    and the floor took in the same run."""
    if row.ratio is None or row.ours.cost is None:
        return None
    if target.quantity == "ratio":
        return target.value
    if target.quantity == "share":
        return None if row.share is None else target.value * row.ratio / row.share
    return row.ratio * row.ours.cost / target.value


def growth(curves: Sequence[Curve]) -> Figure:
    """Cost against size in logarithms, a panel for each thing that grows; the dotted lines are linear."""
    axes_names = [name for name in AXES if any(curve.axis == name for curve in curves)]
    columns = min(2, max(len(axes_names), 1))
    lines = -(-max(len(axes_names), 1) // columns)
    figure = Figure(figsize=(4.9 * columns, 3.7 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for place, name in enumerate(axes_names, 1):
        _panel(figure.add_subplot(lines, columns, place), name, [curve for curve in curves if curve.axis == name])
    return figure


def _panel(axes: Axes, name: str, curves: Sequence[Curve]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for curve, colour in zip(curves, PALETTE, strict=False):
        sizes, costs = np.array(curve.sizes, np.float64), np.array(curve.medians)
        fitted = "" if curve.exponent is None else f": {curve.exponent:.2f}"
        axes.plot(sizes, costs, marker="o", markersize=4, color=colour, linewidth=1.8, label=curve.work + fitted)
        lowest, highest = ([end(costs) for costs in curve.costs.values()] for end in (min, max))
        axes.fill_between(sizes, lowest, highest, color=colour, alpha=0.18, linewidth=0)
        axes.plot(sizes, costs[-1] * sizes / sizes[-1], color=colour, linewidth=0.9, linestyle=(0, (1, 2)))
    low, high = axes.get_ylim()
    if high < 300 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    grown = sorted({size for curve in curves for size in curve.sizes})
    axes.xaxis.set_major_locator(FixedLocator(grown if len(grown) < 7 else grown[::2]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: Unit("time", "").shown(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(AXES[name])
    axes.set_title("exponents of the larger half; dotted: linear", fontsize=8, color=GREY, loc="right")
    axes.legend(frameon=False, fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GREY, alpha=0.2, linewidth=0.6)


def _colour(row: BenchmarkRow, judged: bool) -> str:
    met = [row.met(target) for target in row.targets]
    return PLAIN if not met or not judged else MET if all(met) else MISSED


def _limits(rows: Sequence[BenchmarkRow]) -> tuple[float, float]:
    values = [1.0]
    for row in rows:
        values += [row.ratio or 1.0, *(mark for target in row.targets if (mark := mark_of(row, target)) is not None)]
        values += [row.ratio / row.share] if row.ratio and row.share else []
    return min(values) / 1.6, max(values) * 1.6


def write_picture(figure: Figure, stem: Path) -> list[Path]:
    """`stem`.png and `stem`.svg, each written whole or not at all."""
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    write_whole(png, partial(figure.savefig, format="png", dpi=150))
    drawing = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": stem.name}):
        figure.savefig(drawing, format="svg", metadata={"Date": None})
    write_text(svg, drawing.getvalue())
    return [png, svg]
