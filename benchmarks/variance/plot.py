"""Pictures of the measurements: variance against cost, and direction against batch size."""

from __future__ import annotations

from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.report.plots import GREY, PALETTE
from benchmarks.variance.measure import EstimatorRow, Found

Quantity = Literal["variance", "cosine"]
QUANTITIES: tuple[Quantity, ...] = ("variance", "cosine")
MARKERS = "osD^vPX*"
COLUMNS = 3
TITLES = {"variance": "variance / |gradient|²", "cosine": "cosine to the exact gradient"}


def picture(found: Found, quantity: Quantity) -> Figure:
    """For each policy a panel for each family of estimators, all others grey behind it.

    Args:
        found: what was measured.
        quantity: "variance", of an estimate, against the tokens that it took (lower left is better); or "cosine", to
            the exact gradient, against the texts of a batch (higher is better).
    """
    families = list(dict.fromkeys(row.estimator.family for row in found.rows))
    columns = min(COLUMNS, len(families))
    lines = -(-len(families) // columns)
    height = 2.7 * lines * len(found.policies) + 0.4
    figure = Figure(figsize=(3.6 * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(len(found.policies), 1, squeeze=False)[:, 0]
    for policy, part in zip(found.policies, parts, strict=True):
        part.suptitle(
            f"{policy.label}: expected return {policy.expected_return:.2f} of {policy.optimum:.2f}", fontsize=10
        )
        rows = [row for row in found.rows if row.policy == policy.label]
        panels = part.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for place, axes in enumerate(panels.flat):
            if place < len(families):
                _panel(axes, rows, families[place], quantity)
            else:
                axes.set_visible(False)
        part.supxlabel("tokens of an estimate" if quantity == "variance" else "texts of an estimate", fontsize=9)
        part.supylabel(TITLES[quantity], fontsize=9)
    return figure


def _panel(axes: Axes, rows: list[EstimatorRow], family: str, quantity: Quantity) -> None:
    grouped = _by_estimator(rows)
    for lines in grouped.values():
        if lines[0].estimator.family != family:
            x, heights, _ = _series(lines, quantity)
            axes.plot(x, heights, color=GREY, alpha=0.25, linewidth=0.8)
    members = [lines for lines in grouped.values() if lines[0].estimator.family == family]
    for number, lines in enumerate(members):
        x, heights, errors = _series(lines, quantity)
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4}
        label = lines[0].estimator.label.removeprefix(f"{family}, ")
        axes.errorbar(x, heights, yerr=errors, label=label, capsize=2, elinewidth=0.8, linewidth=1.3, **look)
    axes.set_title(family, fontsize=9)
    axes.set_xscale("log")
    if quantity == "variance":
        axes.set_yscale("log")
    else:
        _label_sizes(axes, sorted({row.texts for row in rows}))
    axes.legend(frameon=False, fontsize=6.5)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GREY, alpha=0.2, linewidth=0.6)


def _series(lines: list[EstimatorRow], quantity: Quantity) -> tuple[list[float], list[float], list[float]]:
    """Along x, up, and the standard errors up."""
    x = [row.tokens if quantity == "variance" else float(row.texts) for row in lines]
    values = [getattr(row.found, quantity) for row in lines]
    return x, [each.value for each in values], [each.error for each in values]


def _by_estimator(rows: list[EstimatorRow]) -> dict[str, list[EstimatorRow]]:
    grouped: dict[str, list[EstimatorRow]] = {}
    for row in sorted(rows, key=lambda each: each.texts):
        grouped.setdefault(row.estimator.label, []).append(row)
    return grouped


def _label_sizes(axes: Axes, sizes: list[int]) -> None:
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
