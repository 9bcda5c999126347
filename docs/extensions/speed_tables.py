"""Tables of speeds of games, the engine and training, from committed results of `python -m benchmarks throughput`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from kept_tables import RESULTS, lined
from textgen_env import TABLE as ENVIRONMENTS


def _kept(folder: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((RESULTS / folder / "throughput.json").read_text(encoding="utf-8"))
    return kept


def judged(row: Mapping[str, Any]) -> str:
    """The targets of a row of speeds, each met or missed."""
    of = {"ratio": "", "share": " of the floor"}
    said = {True: "met", False: "MISSED"}
    return ", ".join(f"≥ {t['value']:g}{of[t['quantity']]} {said[t['met']]}" for t in row["targets"])


def two_digits(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def a_second(row: Mapping[str, Any]) -> str:
    rate = 1 / row["ours"]["cost"]
    return f"{rate / 1e6:.2f}M" if rate >= 1e6 else f"{rate / 1e3:.0f}k"


def speeds_of_rewards() -> str:
    """Steps a second of each id with the reward that it comes with, single and at 1,024 rows."""
    found = {row["name"].removeprefix("default-"): row for row in _kept("throughput-defaults")["rows"]}
    rows = []
    for environment in ENVIRONMENTS:
        name = environment.id.removeprefix("TextGen-")
        if name.lower() not in found:
            continue
        single, many = found[name.lower()], found[name.lower() + "-rows"]
        cells = [name, a_second(single), two_digits(single["ratio"]), judged(single), a_second(many)]
        rows.append([*cells, two_digits(many["ratio"]), two_digits(many["share_of_floor"]), judged(many)])
    titles = ["id", "single: steps/s", "to CartPole", "target"]
    titles += ["1,024 rows: steps/s", "to CartPole", "of the floor", "target"]
    return lined(titles, rows, frozenset({0, 3, 7}))


def speeds_of_the_engine() -> str:
    """Cost of each kernel and view, beside another library's."""
    rows = []
    for row in _kept("throughput")["rows"]:
        reference, floor = row["reference"], row["share_of_floor"]
        beside = "" if reference is None else f"{reference['name']}, {_cost(row, reference['cost'])}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:,.2f}" if row["ratio"] < 10 else f"{row['ratio']:,.0f}"
        rows.append(
            [row["work"].replace("|", "\\|"), _cost(row, row["ours"]["cost"]), beside, ratio, two_digits(floor)]
        )
    return lined(["work", "ours", "beside", "times as fast", "of the floor"], rows, frozenset({0, 2}))


def _cost(row: Mapping[str, Any], cost: float) -> str:
    """A rate or a time, in the unit of the row."""
    name = row["unit"]["name"]
    if row["unit"]["kind"] == "rate":
        return f"{a_second({'ours': {'cost': cost}})} {name}/s" if cost < 1e-3 else f"{1 / cost:.0f} {name}/s"
    scale, unit = next(((s, u) for s, u in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")) if cost * s >= 1), (1e9, "ns"))
    return f"{cost * scale:.3g} {unit} a {name}"


def speeds_of_training() -> str:
    """Cost of an update, of playing and of an agent's training, beside what it is compared with."""
    rows = []
    for row in _kept("throughput-training")["rows"]:
        reference = "" if row["reference"] is None else row["reference"]["name"]
        ratio, floor = (two_digits(row[name]) for name in ("ratio", "share_of_floor"))
        rows.append([row["name"], _time_or_rate(row), reference, ratio, floor, _bounds(row)])
    titles = ["work", "ours", "beside", "ours to it", "of the floor", "target"]
    return lined(titles, sorted(rows, key=lambda cells: ORDER.index(cells[0])), frozenset({0, 2, 5}))


ORDER = (
    "mle-update", "reinforce-update", "playing", "playing-oracle", "reinforce-oracle", "ppo-sb3", "ppo-cleanrl",
    "discriminator-update", "discriminator-score", "seqgan-step", "shared-machine",
)  # fmt: skip


def _time_or_rate(row: Mapping[str, Any]) -> str:
    cost = row["ours"]["cost"]
    if row["unit"]["kind"] == "rate":
        return f"{1e-3 / cost:.1f}k {row['unit']['name']}/s"
    return f"{cost:.2f} s" if cost >= 1 else f"{cost * 1e3:.1f} ms" if cost >= 1e-3 else f"{cost * 1e6:.1f} us"


def _bounds(row: Mapping[str, Any]) -> str:
    """Targets as bounds: of a ratio, a time, or a rate."""
    said = []
    for target in row["targets"]:
        value, met = target["value"], "met" if target["met"] else "MISSED"
        if target["quantity"] == "ratio":
            bound = f"≥ {value:g}x"
        elif row["unit"]["kind"] == "rate":
            bound = f"≥ {1e-3 / value:.0f}k"
        else:
            bound = f"≤ {value:g} s" if value >= 1 else f"≤ {value * 1e3:g} ms"
        said.append(f"{bound} {met}")
    return ", ".join(said)


TABLES: Mapping[str, Callable[[], str]] = {
    "speeds-of-rewards": speeds_of_rewards,
    "speeds-of-the-engine": speeds_of_the_engine,
    "speeds-of-training": speeds_of_training,
}
