"""Picture of a sweep: quality against diversity, a panel for each plane; better is up and to the right."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.measures.measures import Quantity
from benchmarks.report.plots import GREY, style
from benchmarks.sweep.curves import AgentCurve, Drawn

PANEL_INCHES = 5.4, 4.6
# Of the panel: labels that lie nearer would cover one another.
APART = 0.05


# A dollar in a name is a dollar, and no formula.
@matplotlib.rc_context({"text.parse_math": False})
def picture(planes: Sequence[Drawn]) -> Figure:
    """Lines: means over seeds, a dot a temperature, a ring where it is 1; thin lines: single seeds. The temperatures at
    the ends of each curve are written beside it."""
    labels = list(dict.fromkeys(curve.label for found in planes for curve in found.curves))
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(planes), height + 0.25 * (1 + len(labels) // 5)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(planes), squeeze=False)[0]
    for found, axes in zip(planes, panels, strict=True):
        for curve in found.curves:
            _draw(axes, found, curve, labels.index(curve.label))
        _label_ends(axes, found, labels)
        for each, of, turn in (("x", found.diversity, axes.invert_xaxis), ("y", found.quality, axes.invert_yaxis)):
            getattr(axes, f"set_{each}label")(_axis_title(of, "diversity" if each == "x" else "quality"), fontsize=9)
            if of.better == "lower":
                turn()
        axes.margins(0.08)
        axes.tick_params(labelsize=8, color=GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=GREY, alpha=0.2, linewidth=0.6)
    handles: dict[str, Artist] = {}
    for axes in panels:
        drawn, names = axes.get_legend_handles_labels()
        handles |= dict(zip(names, drawn, strict=True))
    columns = min(len(labels), 5 if len(planes) > 1 else 3)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
    return figure


def _draw(axes: Axes, found: Drawn, curve: AgentCurve, position: int) -> None:
    colour, dashes = style(position)
    for run in curve.values:
        axes.plot(run[:, 1], run[:, 0], color=colour, alpha=0.25, linewidth=0.7)
    quality, diversity = curve.values.mean(0).T
    axes.plot(
        diversity, quality, color=colour, linestyle=dashes, linewidth=1.8, marker="o", markersize=3.5, label=curve.label
    )
    if 1.0 in found.temperatures:
        at = found.temperatures.index(1.0)
        axes.plot(
            diversity[at], quality[at], marker="o", markersize=9, markerfacecolor="none", color=colour, linestyle=""
        )


def _label_ends(axes: Axes, found: Drawn, labels: Sequence[str]) -> None:
    """The first and the last temperature beside the ends of each curve, where no other stands already."""
    span = axes.dataLim
    written: list[NDArray[np.float64]] = []
    for curve in found.curves:
        quality, diversity = curve.values.mean(0).T
        for end in (0, len(quality) - 1):
            place = np.array(
                [(diversity[end] - span.x0) / (span.width or 1), (quality[end] - span.y0) / (span.height or 1)]
            )
            if any(np.abs(place - other).max() < APART for other in written):
                continue
            written.append(place)
            axes.annotate(
                f"{found.temperatures[end]:g}",
                (diversity[end], quality[end]),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=7,
                color=style(labels.index(curve.label))[0],
            )


def _axis_title(of: Quantity, what: str) -> str:
    unit = f" ({of.unit})" if of.unit else ""
    return f"{what}: {of.title}{unit}" + (", reversed" if of.better == "lower" else "")
