"""Committed tables of `benchmarks/results`, read for the pages that quote them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results"


@cache
def rows(file: str) -> tuple[dict[str, str], ...]:
    """The rows of a table, such as "exact/table.csv", each by its columns."""
    with (RESULTS / file).open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


def mean_and_std(folder: str, agent: str, measure: str, digits: int = 3) -> str:
    """Text "mean ± standard deviation" of an agent's measure in a results folder.

    Raises:
        KeyError: the table has no such row.
    """
    for row in rows(f"{folder}/table.csv"):
        if (row["agent"], row["measure"]) == (agent, measure):
            return f"{float(row['mean']):.{digits}f} ± {float(row['std']):.{digits}f}"
    raise KeyError(f"benchmarks/results/{folder}/table.csv has no row of agent={agent!r}, measure={measure!r}")
