"""The page of exposure says of exposure bias, and of quality against diversity, what the tables beside it say."""

from __future__ import annotations

import csv

from support.results_page import RESULTS, words

Rows = list[list[str]]


def section(title: str) -> str:
    return words()[words().index(f"## {title}: ") :].partition("\n## ")[0]


def table(page: str, begins: str) -> Rows:
    """The heads and the rows of the table whose first line begins so."""
    lines = page[page.index(begins) :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for number, line in enumerate(lines) if number != 1]


def test_gaps_are_those_of_the_table() -> None:
    kept = (RESULTS / "exposure" / "exposure.md").read_text(encoding="utf-8")
    heads, *rows = table(kept[kept.index("## KL(agent‖oracle)") :], "| agent |")
    found = [dict(zip(heads, row, strict=True)) for row in rows]
    heads, *shown = table(section("exposure"), "| agent |")
    assert shown == [[row[head] for head in heads] for row in found]


def test_who_dominates_whom_is_as_the_pairs_have_it() -> None:
    with (RESULTS / "exposure" / "sweep_pairs.csv").open(encoding="utf-8", newline="") as file:
        found = {(row["plane"], row["worse"]): row for row in csv.DictReader(file) if row["better"] == "MLE"}
    _, *rows = table(section("quality against diversity"), "| MLE over |")
    assert 2 * len(rows) == len(found)
    said = {"True": "yes", "False": "no", "": "not certain"}
    for other, *cells in rows:
        shown = []
        for plane in ("nll", "bleu"):
            pair = found[plane, other]
            margin, low, high = (f"{float(pair[name]):+.3f}" for name in ("margin", "low", "high"))
            shown += [f"{margin} ({low} to {high})", said[pair["dominates"]]]
        assert cells == shown, other
