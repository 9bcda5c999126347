"""The measurements as a picture: variance against cost, and direction against batch size."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.plots import DASHES, GREY, PALETTE, Dashes
from benchmarks.variance.measure import Found, Row

MARKERS = "osD^vPX*"


def picture(found: Found) -> Figure:
    """A line of panels for each policy: left the variance of an estimate against the tokens that it took (lower left is
    better), right its cosine to the exact gradient against the texts of a batch. A colour for each family."""
    figure = Figure(figsize=(10.4, 3.9 * len(found.policies) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(found.policies), 2, squeeze=False)
    for policy, (left, right) in zip(found.policies, panels, strict=True):
        rows = [row for row in found.rows if row.policy == policy.label]
        for label, lines in _by_estimator(rows).items():
            colour, dashes, marker = _style(found, label)
            look = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4.5, "linewidth": 1.5}
            tokens, texts = [row.tokens for row in lines], [row.texts for row in lines]
            variances, cosines = ([getattr(row.found, name) for row in lines] for name in ("variance", "cosine"))
            for axes, x, values in ((left, tokens, variances), (right, texts, cosines)):
                heights, errors = [each.value for each in values], [each.error for each in values]
                axes.errorbar(x, heights, yerr=errors, label=label, capsize=2, elinewidth=0.8, **look)
        left.set_yscale("log")
        left.set_xscale("log")
        left.set_xlabel("tokens written and rolled out for an estimate")
        left.set_ylabel("variance / |gradient|²")
        right.set_xscale("log")
        _label_sizes(right, sorted({row.texts for row in rows}))
        right.set_xlabel("texts of an estimate")
        right.set_ylabel("cosine to the exact gradient")
        for axes in (left, right):
            axes.set_title(f"{policy.label}: {policy.expected_return:.2f} of {policy.optimum:.2f}", fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(color=GREY, alpha=0.2, linewidth=0.6)
    handles, labels = panels[0][1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8)
    return figure


def _by_estimator(rows: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda each: each.texts):
        grouped.setdefault(row.estimator.label, []).append(row)
    return grouped


def _style(found: Found, label: str) -> tuple[str, Dashes, str]:
    """The family's colour, and what tells the estimator from others of its family."""
    families: dict[str, list[str]] = {}
    for row in found.rows:
        members = families.setdefault(row.estimator.family, [])
        if row.estimator.label not in members:
            members.append(row.estimator.label)
    for colour, members in enumerate(families.values()):
        if label in members:
            place = members.index(label)
            return PALETTE[colour % len(PALETTE)], DASHES[place % len(DASHES)], MARKERS[place % len(MARKERS)]
    raise KeyError(label)


def _label_sizes(axes: Axes, sizes: list[int]) -> None:
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
