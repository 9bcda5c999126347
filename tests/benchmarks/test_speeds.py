"""The pages of results and the README say of speeds what was measured."""

from __future__ import annotations

import json
import re
from typing import Any

from support.results_page import RESULTS, as_shown, first_table, sentences, words
from textgen_env.environments import TABLE

DEFAULTS = "## throughput: how fast"


def two_digits(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def steps_a_second(row: dict[str, Any]) -> str:
    rate = 1 / row["ours"]["cost"]
    return f"{rate / 1e6:.2f}M" if rate >= 1e6 else f"{rate / 1e3:.0f}k"


def judged(row: dict[str, Any]) -> str:
    words_of = {True: "met", False: "MISSED"}
    of = {"ratio": "", "share": " of the floor"}
    return ", ".join(f"≥ {t['value']:g}{of[t['quantity']]} {words_of[t['met']]}" for t in row["targets"])


def default_rows() -> dict[str, dict[str, Any]]:
    kept = json.loads((RESULTS / "throughput-defaults" / "throughput.json").read_text(encoding="utf-8"))
    assert kept["failed"] == {}
    return {row["name"].removeprefix("default-"): row for row in kept["rows"]}


def test_speeds_of_the_rewards_that_ids_come_with_are_those_that_were_measured() -> None:
    shown = first_table(words()[words().index(DEFAULTS) :])
    assert [row["id"] for row in shown] == [row.id.removeprefix("TextGen-") for row in TABLE]
    rows = default_rows()
    for line in shown:
        single, many = rows[line["id"].lower()], rows[line["id"].lower() + "-rows"]
        wanted = [line["id"]]
        wanted += [steps_a_second(single), two_digits(single["ratio"]), judged(single)]
        wanted += [steps_a_second(many), two_digits(many["ratio"]), two_digits(many["share_of_floor"]), judged(many)]
        # Two columns are headed "to CartPole", and two "target".
        assert f"| {' | '.join(wanted)} |" in words()


def test_speeds_in_the_readme_are_those_that_were_measured() -> None:
    readme = " ".join((RESULTS.parents[1] / "README.md").read_text(encoding="utf-8").split())
    start = readme.index("With the rewards that ids come with")
    said = readme[start : readme.index("all of them are in [the results]")]
    found = re.findall(r"(\w+) ([\d.]+) and ([\d.]+)", said)
    assert len(found) == 6
    rows = default_rows()
    for name, *numbers in found:
        version = "v1" if name == "Captions" else "v0"
        for number, row in zip(numbers, (f"{name}-{version}".lower(), f"{name}-{version}-rows".lower()), strict=True):
            digits = len(number.partition(".")[2])
            assert abs(rows[row]["ratio"] - float(number)) <= 0.5001 * 10**-digits, (name, number)


def test_speeds_of_training_are_those_that_were_measured() -> None:
    kept = json.loads((RESULTS / "throughput-training" / "throughput.json").read_text(encoding="utf-8"))
    assert kept["failed"] == {}
    rows = {row["name"]: row for row in kept["rows"]}
    shown = first_table(words()[words().index("## throughput, training: ") :])
    assert {line["work"] for line in shown} == rows.keys()
    scales = {"us": 1e6, "ms": 1e3, "s": 1.0}
    for line in shown:
        row = rows[line["work"]]
        number, unit = line["ours"].split(maxsplit=1)
        cost = row["ours"]["cost"]
        rate = row["unit"]["kind"] == "rate"
        assert as_shown(1e-3 / cost, number.removesuffix("k")) + "k" == number if rate else True
        assert rate or as_shown(cost * scales[unit], number) == number
        assert line["ours to it"] == ("" if row["ratio"] is None else f"{row['ratio']:.2f}")
        assert line["of the floor"] == ("" if row["share_of_floor"] is None else f"{row['share_of_floor']:.2f}")
        assert line["target"].count("met") == sum(target["met"] for target in row["targets"])
        assert line["target"].count("MISSED") == sum(not target["met"] for target in row["targets"])
    exponents = " and ".join(", ".join(f"{curve['exponent']:.2f}" for curve in kept["curves"]).rsplit(", ", 1))
    assert f"to the powers {exponents}." in sentences()
