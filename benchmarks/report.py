"""The report of an experiment: on the terminal, and as a page."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from benchmarks.collect import Collected, collect
from benchmarks.page import page
from benchmarks.storage import write_text
from benchmarks.table import comparison, findings

PAGE = "report.html"
WIDE = 128


def report(folder: Path, console: Console) -> Path:
    """Prints the comparison and writes the page beside the results, from whatever there is; returns the page's path."""
    collected = collect(folder)
    path = folder / PAGE
    write_text(path, page(collected))
    show(collected, console)
    console.print(f"page: {path}", soft_wrap=True, highlight=False, markup=False)
    return path


def show(collected: Collected, console: Console) -> None:
    """The comparison on the terminal."""
    table = comparison(collected)
    drawn = RichTable(
        title=escape(collected.title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    # Cells of two lines in a narrow terminal: columns that wrap where they like cannot be read.
    wide = console.width >= WIDE
    for position, column in enumerate(table.columns):
        left = position < 2
        title = column if wide else column.replace("_", "\n").replace(" (", "\n(")
        drawn.add_column(title, justify="left" if left else "right", overflow="fold", min_width=6)
    for position, cells in enumerate(table.rows):
        words = (escape(cell if wide else cell.replace(" ± ", "\n± ").replace(" (", "\n(")) for cell in cells)
        drawn.add_row(*words, end_section=position == len(collected.rows) - 1)
    console.print(drawn)
    for note in table.notes:
        console.print(note, style="dim", highlight=False, markup=False)
    for finding in findings(collected):
        style = {None: "", True: "green", False: "bold red"}[finding.met]
        console.print(finding.sentence, style=style, highlight=False, markup=False)
    for row in collected.rows:
        for record in row.without_result:
            error = record.state.error
            what = record.state.status + (f": {error['error']}" if error else "")
            console.print(f"{record.name}: {what}", style="red", highlight=False, markup=False)
    for warning in collected.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)
