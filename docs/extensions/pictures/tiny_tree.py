"""The game Tiny as a tree: the prefixes along its best text, with what each token earns and is worth."""

from __future__ import annotations

from functools import cache

import gymnasium as gym
from matplotlib.figure import Figure

import textgen_env  # noqa: F401
from pictures.canvas import TEXT_SIZE, Palette, blank
from textgen_env.solve import Solution, solve

ALTERNATIVE = (
    "Tree of the game Tiny along its best text, b c b b c. At each of five prefixes the four tokens branch off, each "
    "with its optimal value Q; the token of the greatest Q is taken, even where its own reward is not."
)


@cache
def solution() -> Solution:
    """The optimum of `TextGen-Tiny-v0`."""
    return solve(gym.make("TextGen-Tiny-v0"))


def draw(palette: Palette) -> Figure:
    best = solution()
    mdp, names = best.mdp, ("end", "a", "b", "c")
    chosen = best.texts.tokens[0][: best.texts.lengths[0]].tolist()
    figure, (axes,) = blank(palette, 5.8, 4.0)
    axes.set_axis_off()
    at, level = 0, 0.0
    for t, best_token in enumerate(chosen):
        prefix = " ".join(names[token] for token in chosen[:t]) or "(empty)"
        axes.text(
            t - 0.02, level, prefix, ha="center", va="center", fontsize=TEXT_SIZE - 1, color=palette.text,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": palette.surface, "edgecolor": palette.faint},
            zorder=3,
        )  # fmt: skip
        axes.text(
            t, level + 1.05, f"V = {best.V[at]:.2f}", ha="center", va="center", fontsize=TEXT_SIZE - 2,
            color=palette.series[0],
        )  # fmt: skip
        for token, name in enumerate(names):
            taken = token == best_token
            # The best token goes straight on; the others fan out below.
            below = 0.0 if taken else -1.9 - 1.25 * sum(other < token for other in range(4) if other != best_token)
            x, y = (t + 1.0, level) if taken else (t + 0.42, level + below)
            colour = palette.series[0] if taken else palette.faint
            axes.plot([t, x], [level, y], color=colour, linewidth=2.2 if taken else 1.0, zorder=1)
            said = f"{name}  r {mdp.rewards[at, token]:+.2f}"
            if taken:
                axes.text(t + 0.52, level + 0.42, said, ha="center", fontsize=TEXT_SIZE - 2.5, color=palette.series[0])
            else:
                axes.text(
                    x + 0.02, y - 0.15, f"{said}\nQ {best.Q[at, token]:.2f}", ha="center", va="top",
                    fontsize=TEXT_SIZE - 3.2, color=palette.text, zorder=2,
                    bbox={"boxstyle": "round,pad=0.1", "facecolor": palette.surface, "edgecolor": "none", "alpha": 0.9},
                )  # fmt: skip
        at = int(mdp.next_state[at, best_token])
    whole = " ".join(names[token] for token in chosen)
    axes.text(
        len(chosen) + 0.32, level, f"{whole}\nreturn {best.optimum:.2f}", ha="center", va="center",
        fontsize=TEXT_SIZE - 1.5, color=palette.text, zorder=3,
        bbox={"boxstyle": "round,pad=0.35", "facecolor": palette.surface, "edgecolor": palette.series[0]},
    )  # fmt: skip
    axes.set_xlim(-0.5, len(chosen) + 1.0)
    axes.set_ylim(-5.9, 1.5)
    return figure
