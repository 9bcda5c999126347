"""Table of what tuning gained, shown and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.store.run_folder import write_text
from benchmarks.tuning.outcome import TABLE, Outcome, gathered, write_table

MARKDOWN = "gains.md"
TITLES = ("environment", "agent", "tokens", "default", "tuned", "difference (95% interval)", "seeds", "")
WORDS_BEFORE_NUMBERS = 2
"""Columns on the left that hold no numbers."""


def show_gains(folder: Path, out: Path, console: Console) -> None:
    """Shows a row for each study of a folder, and writes it as `gains.md` in `out`, and all columns as `gains.csv`.

    Raises:
        FileNotFoundError, textgen_env.files.UnreadableFile: as `gathered`.
    """
    outcomes, unfinished = gathered(folder)
    table = Table(box=None, pad_edge=False)
    for name in TITLES:
        table.add_column(name, overflow="fold")
    for each in outcomes:
        table.add_row(*cells(each))
    console.print(table)
    for name in unfinished:
        console.print(f"{name} is not done: its command goes on with it", highlight=False, markup=False)
    write_table(outcomes, out / TABLE)
    write_text(out / MARKDOWN, as_markdown(outcomes))
    console.print(f"written: {out / TABLE}, {MARKDOWN}", highlight=False, markup=False, soft_wrap=True)


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """The table, a row an outcome."""
    aligned = [":--" if place < WORDS_BEFORE_NUMBERS else "--:" for place in range(len(TITLES) - 1)] + [":--"]
    rows = [TITLES, aligned, *(cells(each) for each in outcomes)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cells(outcome: Outcome) -> tuple[str, ...]:
    """Row that the table shows of an outcome; `TextGen-` is left out of ids."""
    row, interval = outcome.row, outcome.comparison.interval
    ends = "" if interval is None else f" ({interval[0]:.3g} to {interval[1]:.3g})"
    return (
        row["environment"].removeprefix("TextGen-"),
        row["agent"],
        f"{row['tokens']:,}",
        f"{row['default']:.4g}",
        f"{row['tuned']:.4g}",
        f"{row['difference']:+.3g}{ends}",
        str(row["seeds"]),
        row["verdict"],
    )
