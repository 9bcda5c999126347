"""Divergence from the oracle after real prefixes and after own ones, agent by agent, from committed results."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure

from pictures.canvas import TEXT_SIZE, Palette, blank, legend, rows

COMMAND = "python -m benchmarks exposure runs/exposure --texts 4800"
ALTERNATIVE = (
    "Five panels, an agent each: KL divergence from the oracle, nats a token, against the length of the prefix, after "
    "real prefixes and after the agent's own. The two lines lie close together and rise with the prefix; those of "
    "scheduled sampling and SCST lie highest."
)
AGENTS = ("MLE", "ScheduledSampling", "SeqGAN", "SeqGAN-steady", "SCST")


@cache
def curves(agent: str) -> dict[str, dict[int, float]]:
    """ "real" and "own" -> length of the prefix -> mean divergence over seeds."""
    found: dict[str, dict[int, list[float]]] = {"real": {}, "own": {}}
    for row in rows("exposure/exposure.csv"):
        if (row["agent"], row["score"]) == (agent, "kl_reverse"):
            for whose, of in found.items():
                of.setdefault(int(row["prefix_length"]), []).append(float(row[whose]))
    return {whose: {k: float(np.mean(each)) for k, each in sorted(of.items())} for whose, of in found.items()}


def draw(palette: Palette) -> Figure:
    figure, panels = blank(palette, 9.0, 2.9, columns=len(AGENTS))
    highest = max(max(line.values()) for agent in AGENTS for line in curves(agent).values())
    for number, (agent, axes) in enumerate(zip(AGENTS, panels, strict=True)):
        for i, (whose, line) in enumerate(curves(agent).items()):
            label = {"real": "real prefixes", "own": "its own"}[whose]
            axes.plot(list(line), list(line.values()), "-" + "os"[i], color=palette.series[i], label=label, ms=4)
        axes.set_ylim(0, highest * 1.05)
        axes.set_title(agent, fontsize=TEXT_SIZE - 1, color=palette.text)
        axes.set_xlabel("prefix, tokens")
        if number:
            axes.tick_params(labelleft=False)
    panels[0].set_ylabel("KL to the oracle, nats a token")
    legend(panels[0], palette, loc="lower left")
    return figure
