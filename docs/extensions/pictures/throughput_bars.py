"""Steps a second of environments with the rewards that they come with, beside CartPole; from committed results."""

from __future__ import annotations

import json
from functools import cache

from matplotlib.figure import Figure

from pictures.canvas import RESULTS, Palette, blank, legend

COMMAND = "python -m benchmarks throughput --only defaults --threads 1 --repeats 9"
ALTERNATIVE = (
    "Steps a second on one thread, on a logarithmic axis, one text and 1,024 rows: games paid by BLEU or a table run "
    "at the speed of CartPole or near it with rows; those of the LSTM oracle and of discriminators are tens of times "
    "slower with rows."
)
SHOWN = ("tiny", "captions", "numberwords", "poems", "oraclesmall", "oracle", "captionsgan")
TITLES = ("Tiny", "Captions", "NumberWords", "Poems", "OracleSmall", "Oracle", "CaptionsGAN")


@cache
def costs(study: str) -> dict[str, dict[str, float]]:
    """Case -> seconds a unit of "ours" and of the "reference", from `throughput<study>/throughput.json`."""
    table = json.loads((RESULTS / f"throughput{study}" / "throughput.json").read_text(encoding="utf-8"))
    return {
        row["name"]: {who: row[who]["cost"] for who in ("ours", "reference") if row[who] is not None}
        for row in table["rows"]
    }


@cache
def exponents(study: str) -> dict[str, float]:
    """Curve -> the power of its size that time grows with."""
    table = json.loads((RESULTS / f"throughput{study}" / "throughput.json").read_text(encoding="utf-8"))
    return {curve["name"]: curve["exponent"] for curve in table["curves"]}


def steps_a_second(game: str, rows: bool = False, who: str = "ours") -> float:
    """Of a game with the reward that it comes with."""
    version = "v1" if game == "captions" else "v0"
    return 1 / costs("-defaults")[f"default-{game}-{version}" + ("-rows" if rows else "")][who]


def draw(palette: Palette) -> Figure:
    figure, (axes,) = blank(palette, 6.0, 3.8)
    single = [steps_a_second(game) for game in SHOWN] + [steps_a_second("captions", who="reference")]
    rows = [steps_a_second(game, True) for game in SHOWN] + [steps_a_second("captions", True, "reference")]
    places = [-float(i) for i in range(len(single))]
    axes.barh([at + 0.2 for at in places], rows, 0.38, color=palette.series[0], label="1,024 rows")
    axes.barh([at - 0.2 for at in places], single, 0.38, color=palette.series[1], label="one text")
    axes.set_yticks(places, [*TITLES, "CartPole"])
    axes.set_xscale("log")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("steps a second, one thread of an Intel Xeon")
    legend(axes, palette, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return figure
