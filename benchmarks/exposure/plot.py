"""Picture of exposure bias: the gap over the length of the prefix, a panel for each score."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.exposure.table import AgentGaps
from benchmarks.report.plots import GREY, style

PANEL_INCHES = 3.9, 3.4


# A dollar in a name is a dollar, and no formula.
@matplotlib.rc_context({"text.parse_math": False})
def picture(found: Sequence[AgentGaps]) -> Figure:
    """Lines: mean over seeds; bands: lowest to highest. Above 0 an agent goes on worse from its own prefixes."""
    scores = list(dict.fromkeys(each.score for each in found))
    labels = list(dict.fromkeys(each.label for each in found))
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(scores), height + 0.25 * (1 + len(labels) // 5)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(scores), squeeze=False)[0]
    for score, axes in zip(scores, panels, strict=True):
        axes.axhline(0.0, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
        for each in found:
            if each.score != score:
                continue
            lengths = [gap.length for gap in each.runs[0]]
            gaps = np.array([[gap.gap.value for gap in run] for run in each.runs])
            colour, dashes = style(labels.index(each.label))
            axes.fill_between(lengths, gaps.min(0), gaps.max(0), color=colour, alpha=0.15, linewidth=0)
            axes.plot(
                lengths, gaps.mean(0), color=colour, linestyle=dashes, linewidth=1.8, marker="o", markersize=3.5,
                label=each.label,
            )  # fmt: skip
        axes.set_title(score.title, fontsize=9.5)
        axes.set_ylabel(f"gap: worse from its own prefixes\n({score.unit})", fontsize=9)
        axes.set_xlabel("tokens of the prefix", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelsize=8, color=GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=GREY, alpha=0.2, linewidth=0.6)
    handles, names = panels[0].get_legend_handles_labels()
    columns = min(len(labels), 5 if len(scores) > 1 else 2)
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    return figure
