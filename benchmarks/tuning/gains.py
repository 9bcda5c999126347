"""Table of what tuning gained, shown and kept."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.tuning.outcome import TABLE, Outcome, gathered, write_table


def show_gains(folder: Path, out: Path, console: Console) -> None:
    """Shows a row for each study of a folder, and writes all columns to `gains.csv` in `out`.

    Raises:
        FileNotFoundError, textgen_env.files.UnreadableFile: as `gathered`.
    """
    outcomes, unfinished = gathered(folder)
    table = Table(box=None, pad_edge=False)
    for name in ("environment", "agent", "default", "tuned", "difference", "95% interval", ""):
        table.add_column(name)
    for each in outcomes:
        table.add_row(*_cells(each))
    console.print(table)
    for name in unfinished:
        console.print(f"{name} is not done: its command goes on with it", highlight=False, markup=False)
    write_table(outcomes, out / TABLE)
    console.print(f"written: {out / TABLE}", highlight=False, markup=False, soft_wrap=True)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    row, interval = outcome.row, outcome.comparison.interval
    ends = "" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}"
    numbers = (f"{row[name]:.4g}" for name in ("default", "tuned", "difference"))
    return (row["environment"], row["agent"], *numbers, ends, row["verdict"])
