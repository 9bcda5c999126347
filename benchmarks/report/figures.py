"""The learning curves of an experiment's results: what is drawn in them, and the files that they are kept in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

from benchmarks.analysis.load import Collected
from benchmarks.measures.measures import RETURN, title, unit
from benchmarks.report.curves import after_pretraining, bounds
from benchmarks.report.plots import Level, Line, curve_over_seeds, learning_curves, style
from benchmarks.store.run_folder import write_whole

View = Literal["tokens", "seconds", "after"]
VIEWS: Mapping[View, str] = MappingProxyType(
    {"tokens": "tokens", "seconds": "wall time", "after": "tokens after pre-training"}
)
FORMATS = ("png", "svg")
DOTS_PER_INCH = 160


def write_figures(collected: Collected, folder: Path) -> None:
    """Keeps each view of the curves as `curve_<view>.png` and `.svg`; nothing where no run has learned."""
    for view in views(collected):
        figure = drawn(collected, view)
        for kind in FORMATS:
            write_whole(folder / f"curve_{view}.{kind}", partial(save_figure, figure, kind))


def views(collected: Collected) -> list[View]:
    """Those that there is something to be seen in: nothing where no run has learned, and what follows pre-training
    where half of the curves have one."""
    lines, _ = lines_and_levels(collected)
    if not lines:
        return []
    after = 2 * sum(line.curve.pretrained is not None for line in lines) >= len(lines)
    return [view for view in VIEWS if view != "after" or after]


def save_figure(figure: Figure, kind: str, path: Path) -> None:
    """Writes the figure, "png" or "svg", into the file; the same figure gives the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "curve"}):
        figure.savefig(path, format=kind, dpi=DOTS_PER_INCH, metadata={"Date": None} if kind == "svg" else None)


def figure_title(collected: Collected, view: View) -> str:
    """What the figure of this view is called."""
    of = collected.manifest.curve
    return f"{title(of).capitalize() if of == RETURN else title(of)} against {VIEWS[view]}"


def drawn(collected: Collected, view: View) -> Figure:
    """The learning curves in this view."""
    of = collected.manifest.curve
    lines, levels = lines_and_levels(collected)
    shown = unit(of, collected.manifest.unit)
    if view != "after":
        return learning_curves(lines, levels, view, shown, of)
    lines, levels = after_pretraining(lines, levels)
    within = bounds(lines, levels, None if of == RETURN else collected.oracle_entropy)
    return learning_curves(lines, levels, "tokens", shown, of, within, VIEWS["after"])


def lines_and_levels(collected: Collected) -> tuple[list[Line], list[Level]]:
    """What the figures show: a curve for each row that learns, a level for each that does not, and the references."""
    of = collected.manifest.curve
    lines: list[Line] = []
    levels: list[Level] = []
    colours = 0
    for row in collected.rows:
        results, values = row.results, row.values(of)
        curve = curve_over_seeds([result.curve for result in results], of) if results else None
        if curve is not None:
            lines.append(Line(row.label, curve, *style(colours)))
        elif values:
            levels.append(Level(row.label, sum(values) / len(values)))
        # Rows without results yet have their colour kept for them: the others' do not change when they come.
        colours += curve is not None or not results
    if of == RETURN:
        levels += [Level(level.title, level.value) for level in collected.references.values()]
    elif collected.oracle_entropy is not None:
        levels.append(Level("oracle's entropy", collected.oracle_entropy))
    return lines, levels
