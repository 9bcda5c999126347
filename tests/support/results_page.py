"""The pages of docs/results: their words, and their tables."""

from __future__ import annotations

import re
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ROOT / "docs" / "results"
Row = dict[str, str]


@cache
def words() -> str:
    """All pages in the order of their index, each heading one level lower than on its page."""
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    names = index.partition("{toctree}")[2].partition("```")[0].split("\n\n", 1)[1].split()
    pages = [(PAGES / f"{name}.md").read_text(encoding="utf-8") for name in names]
    return "\n".join(re.sub(r"^(#+ )", r"#\1", page, flags=re.MULTILINE) for page in pages)


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
