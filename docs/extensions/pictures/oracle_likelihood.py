"""NLL_oracle against NLL_test, from the committed results of table 1 on the paper's oracle."""

from __future__ import annotations

from functools import cache

from matplotlib.figure import Figure

from pictures.canvas import TEXT_SIZE, Palette, blank, legend, rows

COMMAND = "python -m benchmarks run table1 --size cpu"
ALTERNATIVE = (
    "Each agent of table 1 on the paper's oracle: NLL_oracle, which the paper reports, against NLL_test. Maximum "
    "likelihood at temperatures from 0.75 to 1.5 draws a falling curve: sharper texts have a lower NLL_oracle and a "
    "higher NLL_test. SeqGAN and the controls with a constant or a random reward lie along the same curve."
)
TEMPERATURES = ("MLE-T0.75", "MLE-T0.9", "MLE", "MLE-T1.1", "MLE-T1.25", "MLE-T1.5")
LEARNERS = {
    "ScheduledSampling": "scheduled sampling",
    "SeqGAN": "SeqGAN",
    "Constant": "constant reward",
    "Noise": "random reward",
    "SeqGAN-steady": "SeqGAN with a baseline",
}


@cache
def means(size: str = "cpu") -> dict[str, dict[str, float]]:
    """Agent -> measure -> mean over seeds, of table 1."""
    found: dict[str, dict[str, float]] = {}
    for row in rows(f"table1-{size}/table.csv"):
        if row["mean"]:
            found.setdefault(row["agent"], {})[row["measure"]] = float(row["mean"])
    return found


def draw(palette: Palette) -> Figure:
    figure, (axes,) = blank(palette, 6.0, 4.0)
    found = means()
    points = [(found[name]["nll_oracle"], found[name]["nll_test"]) for name in TEMPERATURES]
    axes.plot(*zip(*points, strict=True), "-o", color=palette.series[0], label="likelihood, at six temperatures")
    for name, (x, y) in zip(TEMPERATURES, points, strict=True):
        axes.annotate(
            name.removeprefix("MLE-T") if name != "MLE" else "1", (x, y), (-5, -5), textcoords="offset points",
            ha="right", va="top", color=palette.series[0], fontsize=TEXT_SIZE - 2.5,
        )  # fmt: skip
    for i, (name, title) in enumerate(LEARNERS.items()):
        axes.plot(
            found[name]["nll_oracle"], found[name]["nll_test"], "sD^vP"[i], color=palette.series[1 + i % 5],
            markersize=8, label=title, linestyle="none",
        )  # fmt: skip
    axes.set_xlabel("NLL_oracle, nats a token (the paper's measure)")
    axes.set_ylabel("NLL_test, nats a token")
    legend(axes, palette)
    return figure
