"""The pages of docs/results, with the tables that the site's build puts in them: their words, and their tables."""

from __future__ import annotations

import re
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path

import kept_runs
import result_answers
import result_tables

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ROOT / "docs" / "results"
Row = dict[str, str]


@cache
def page(name: str) -> str:
    """A page with its tables and runs, as the site has them."""
    return kept_runs.expanded(result_tables.expanded((PAGES / f"{name}.md").read_text(encoding="utf-8")))


@cache
def words() -> str:
    """All pages in the order of their index, each heading one level lower than on its page."""
    pages = [page(name) for name in result_answers.names()]
    return "\n".join(re.sub(r"^(#+ )", r"#\1", text, flags=re.MULTILINE) for text in pages)


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
