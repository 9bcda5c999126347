"""The page RESULTS.md: its words, and its tables."""

from __future__ import annotations

from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
Row = dict[str, str]


@cache
def words() -> str:
    return (RESULTS / "RESULTS.md").read_text(encoding="utf-8")


@cache
def sentences() -> str:
    return " ".join(words().split())


def first_table(lines: str) -> list[Row]:
    """Its rows, by the titles of their columns."""
    left = dropwhile(lambda line: not line.startswith("|"), lines.splitlines())
    table = takewhile(lambda line: line.startswith("|"), left)
    title, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [dict(zip(title, row, strict=True)) for row in rows]


def as_shown(number: float, shown: str) -> str:
    """A number with as many digits as `shown` has."""
    return f"{number:.{len(shown.partition('.')[2])}f}"
