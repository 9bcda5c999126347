"""Variance of gradient estimators on the game Tiny, from the committed results of `python -m benchmarks variance`."""

from __future__ import annotations

from functools import cache

from matplotlib.figure import Figure

from pictures.canvas import TEXT_SIZE, Palette, blank, rows

COMMAND = "python -m benchmarks variance"
ALTERNATIVE = (
    "Bars of the variance of twelve gradient estimators, 64 texts each, for a partly trained policy on the game Tiny: "
    "a learned baseline and reward-to-go lower it, roll-outs cost more tokens and lower it no further, GRPO and "
    "Gumbel-softmax have little variance but a large bias, written beside the bars."
)
SHOWN = {
    "whole return, none": "REINFORCE, whole return",
    "whole return, batch mean": "+ batch-mean baseline",
    "whole return, learned": "+ learned baseline",
    "reward-to-go, learned": "+ reward to go",
    "A2C, lambda=0.95": "A2C, λ = 0.95",
    "A2C, lambda=0": "A2C, λ = 0",
    "RLOO, k=4": "RLOO, groups of 4",
    "GRPO, k=4": "GRPO, groups of 4",
    "SCST": "self-critical",
    "SeqGAN, N=16": "SeqGAN, 16 roll-outs",
    "off-policy, per token": "importance weights",
    "Gumbel-softmax, tau=1": "Gumbel-softmax, τ = 1",
}


@cache
def estimates(policy: str = "partly trained", texts: int = 64) -> dict[str, dict[str, float]]:
    """Estimator -> bias, variance, cosine and tokens."""
    return {
        row["estimator"]: {key: float(row[key]) for key in ("tokens", "bias", "variance", "variance_error", "cosine")}
        for row in rows("variance/variance.csv")
        if row["policy"] == policy and int(row["texts"]) == texts
    }


def draw(palette: Palette) -> Figure:
    found = estimates()
    figure, (axes,) = blank(palette, 6.0, 4.2)
    places = range(len(SHOWN))[::-1]
    for place, name in zip(places, SHOWN, strict=True):
        each = found[name]
        biased = abs(each["bias"]) > 0.2
        axes.barh(
            place, each["variance"], xerr=each["variance_error"], height=0.62, ecolor=palette.text,
            color=palette.series[1] if biased else palette.series[0],
            hatch="//" if biased else None, edgecolor=palette.surface, linewidth=0,
        )  # fmt: skip
        said = f"{each['tokens']:,.0f} tokens" + (f", bias {each['bias']:+.0%}" if biased else "")
        axes.text(
            each["variance"] + each["variance_error"] + 0.02, place, said, va="center", color=palette.text,
            fontsize=TEXT_SIZE - 2.5,
        )  # fmt: skip
    axes.set_yticks(list(places), list(SHOWN.values()))
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, 1.45)
    axes.set_xlabel("variance, in units of |g|², g the exact gradient")
    return figure
