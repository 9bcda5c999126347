"""Quality against diversity at ten temperatures, agent by agent, from the committed results of `benchmarks sweep`."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure

from pictures.canvas import Palette, blank, legend, rows

COMMAND = "python -m benchmarks sweep runs/exposure"
ALTERNATIVE = (
    "Two panels with a curve an agent over temperatures from 0.5 to 2: NLL_oracle against NLL_test, and BLEU-3 against "
    "Self-BLEU-3. Likelihood and SeqGAN with log-odds lie on one curve, ahead of scheduled sampling, SeqGAN and SCST "
    "in the first; in the second all five nearly coincide."
)
AGENTS = ("MLE", "ScheduledSampling", "SeqGAN", "SeqGAN-steady", "SCST")
PLANES = {"nll": ("NLL_test, nats a token", "NLL_oracle, nats a token"), "bleu": ("Self-BLEU-3", "BLEU-3")}


@cache
def curve(agent: str, plane: str) -> list[tuple[float, float]]:
    """Diversity and quality, means over seeds, temperature by temperature."""
    found: dict[float, list[tuple[float, float]]] = {}
    for row in rows("exposure/sweep.csv"):
        if (row["agent"], row["plane"]) == (agent, plane):
            point = float(row["diversity_value"]), float(row["quality_value"])
            found.setdefault(float(row["temperature"]), []).append(point)
    means = [np.mean(points, axis=0) for _, points in sorted(found.items())]
    return [(float(x), float(y)) for x, y in means]


def draw(palette: Palette) -> Figure:
    figure, panels = blank(palette, 9.0, 3.6, columns=2)
    for (plane, (across, up)), axes in zip(PLANES.items(), panels, strict=True):
        for i, agent in enumerate(AGENTS):
            x, y = zip(*curve(agent, plane), strict=True)
            axes.plot(x, y, "-" + "osD^v"[i], color=palette.series[i], label=agent, ms=4, lw=1.2)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
    legend(panels[0], palette)
    return figure
