"""Exposure gap by the length of the prefix, from the committed results of `python -m benchmarks exposure`."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure

from pictures.canvas import Palette, blank, legend, rows

COMMAND = "python -m benchmarks exposure runs/exposure --texts 4800"
ALTERNATIVE = (
    "Lines of the exposure gap, in nats a token of divergence to the oracle, against the length of the prefix, for "
    "maximum likelihood, scheduled sampling and SeqGAN with a baseline. All begin at zero, rise with the prefix, and "
    "stay below 0.12."
)
AGENTS = {"MLE": "likelihood", "ScheduledSampling": "scheduled sampling", "SeqGAN-steady": "SeqGAN with a baseline"}


@cache
def gaps(agent: str, score: str = "kl_reverse") -> dict[int, float]:
    """Length of the prefix -> mean gap over seeds."""
    found: dict[int, list[float]] = {}
    for row in rows("exposure/exposure.csv"):
        if row["agent"] == agent and row["score"] == score:
            found.setdefault(int(row["prefix_length"]), []).append(float(row["gap"]))
    return {length: float(np.mean(values)) for length, values in sorted(found.items())}


@cache
def after_real(agent: str, score: str = "kl_reverse") -> float:
    """Mean score after real prefixes of 1 token and more, over seeds and lengths."""
    return float(
        np.mean(
            [
                float(row["real"])
                for row in rows("exposure/exposure.csv")
                if row["agent"] == agent and row["score"] == score and int(row["prefix_length"]) > 0
            ]
        )
    )


def draw(palette: Palette) -> Figure:
    figure, (axes,) = blank(palette, 6.0, 3.2)
    for i, (agent, title) in enumerate(AGENTS.items()):
        line = gaps(agent)
        axes.plot(list(line), list(line.values()), "-" + "osD"[i], color=palette.series[i], label=title)
    axes.axhline(0, color=palette.faint)
    axes.set_xlabel("k, tokens of the prefix")
    axes.set_ylabel("gap, nats a token")
    legend(axes, palette)
    return figure
