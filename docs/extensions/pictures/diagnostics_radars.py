"""Radars of the diagnostics: one an agent, from the committed scores."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.diagnostics.knobs import CONTROL
from benchmarks.diagnostics.plot import Inks, Score, radars
from pictures.canvas import Palette, rows

COMMAND = "python -m benchmarks run diagnostics --size small --seeds 1"
ALTERNATIVE = (
    "One radar an agent, with a spoke for each of seven diagnostics, from 0 in the middle, uniform tokens, to 1, the "
    "exact optimum. The table below has the numbers."
)


def scores() -> dict[str, dict[str, Score]]:
    """Agent -> diagnostic -> score and standard error; without the control, whose radar is a point."""
    found: dict[str, dict[str, Score]] = {}
    for row in rows("diagnostics/scores.csv"):
        if row["agent"] != CONTROL:
            error = float(row["standard_error"]) if row["standard_error"] else None
            found.setdefault(row["agent"], {})[row["diagnostic"]] = float(row["score"]), error
    return found


def draw(palette: Palette) -> Figure:
    return radars(scores(), Inks(palette.text, palette.faint, palette.series[0]))
