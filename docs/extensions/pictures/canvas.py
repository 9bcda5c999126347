"""Canvas of a picture: the colours of a page, light or dark, and the SVG that is written."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "benchmarks" / "results"
TEXT_SIZE = 11.0


@dataclass(frozen=True)
class Palette:
    """Colours of a page.

    Attributes:
        name: "light" or "dark".
        text, faint: of labels, and of grids and frames.
        surface: behind text that must stand out.
        series: of what is compared, distinguishable to the colour-blind (after Okabe and Ito 2008).
    """

    name: str
    text: str
    faint: str
    surface: str
    series: tuple[str, ...]


LIGHT = Palette(
    "light", "#1f2328", "#c8ccd1", "#f4f6f8", ("#0b5fa5", "#c2410c", "#0f766e", "#8a5a00", "#9d2f78", "#5b6470")
)
DARK = Palette(
    "dark", "#e6e8eb", "#4a5058", "#20262d", ("#7fb8ee", "#ff9d66", "#5ed3c3", "#e5c04b", "#eb9bd0", "#a9b1bb")
)
PALETTES = (LIGHT, DARK)


def blank(palette: Palette, width: float = 6.0, height: float = 3.6, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of `width` by `height` inches, its background transparent, with `columns` axes side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = [figure.add_subplot(1, columns, 1 + i) for i in range(columns)]
    for each in axes:
        _coloured(each, palette)
    return figure, axes


def _coloured(axes: Axes, palette: Palette) -> None:
    axes.patch.set_alpha(0)
    axes.tick_params(colors=palette.text, labelsize=TEXT_SIZE - 1.5)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(palette.faint)
    axes.grid(color=palette.faint, linewidth=0.6, alpha=0.6)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(palette.text)
        label.set_fontsize(TEXT_SIZE)


def legend(axes: Axes, palette: Palette, **kwargs: object) -> None:
    """The legend of `axes`, without a frame."""
    axes.legend(frameon=False, labelcolor=palette.text, fontsize=TEXT_SIZE - 1.5, **kwargs)


def svg(figure: Figure, alternative: str) -> str:
    """The figure as SVG, the same bytes each time, `alternative` its title."""
    buffer = io.StringIO()
    # Letters as shapes: a picture that is loaded as an image has none of the page's fonts.
    with matplotlib.rc_context({"svg.hashsalt": "textgen-env", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Title": alternative})
    return buffer.getvalue()


def rows(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file below `benchmarks/results`."""
    with open(RESULTS / path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
