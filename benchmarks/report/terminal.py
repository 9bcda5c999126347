"""The report of an experiment: on the terminal, as a page, and as tables and figures in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from benchmarks.analysis.comparison import Table, best_by_validation, comparison
from benchmarks.analysis.differences import difference_table, headline
from benchmarks.analysis.load import Collected, absolute, collect
from benchmarks.analysis.reach import reach_table
from benchmarks.analysis.verdicts import findings
from benchmarks.measures.measures import title
from benchmarks.report.figures import write_figures
from benchmarks.report.files import differences_csv, markdown, table_csv
from benchmarks.report.html import page
from benchmarks.store.run_folder import write_text

PAGE = "report.html"
TABLE = "table.csv"
DIFFERENCES = "differences.csv"
MARKDOWN = "table.md"
WIDE = 128
NARROWEST = 6
# Blanks that rich puts between columns, and at both ends together.
GAP = 2
EDGES = 2


def report(folder: Path, console: Console) -> Path:
    """Prints the comparison and writes the page, the tables and the figures beside the results, from whatever there is;
    returns the page's absolute path."""
    folder = absolute(folder)
    collected = collect(folder)
    path = folder / PAGE
    write_text(path, page(collected))
    write_text(folder / TABLE, table_csv(collected))
    write_text(folder / MARKDOWN, markdown(collected))
    if collected.manifest.compared_with:
        write_text(folder / DIFFERENCES, differences_csv(collected))
    write_figures(collected, folder)
    show(collected, console)
    console.print(f"page: {path}", soft_wrap=True, highlight=False, markup=False)
    return path


def show(collected: Collected, console: Console) -> None:
    """The comparison, and the differences in the first measure, on the terminal."""
    print_table(comparison(collected), collected.title, console, len(collected.rows))
    reached = reach_table(collected)
    if reached is not None:
        print_table(reached, "How soon", console, len(reached.rows))
    best = best_by_validation(collected)
    if best is not None:
        print_table(best, "Best by validation", console, len(best.rows))
    measure = headline(collected)
    tested = difference_table(collected, measure)
    if tested is not None:
        heading = f"Differences from {collected.manifest.compared_with} in {title(measure)}"
        print_table(tested, heading, console, len(tested.rows))
        if collected.measures:
            more = f"Those in every other measure are in {DIFFERENCES} and on the page."
            console.print(more, style="dim", highlight=False, markup=False)
    for finding in findings(collected):
        style = {None: "", True: "green", False: "bold red"}[finding.met]
        console.print(finding.sentence, style=style, highlight=False, markup=False)
    for row in collected.rows:
        for record in row.without_result:
            console.print(f"{record.name}: {record.story}", style="red", highlight=False, markup=False)
    for warning in collected.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)


def print_table(table: Table, heading: str, console: Console, agents: int) -> None:
    """Prints a table with its notes; the first `agents` lines are set off from the others."""
    # Cells of two lines in a narrow terminal: columns that wrap where they like cannot be read.
    wide = console.width >= WIDE
    columns = table.columns if wide else [column.replace("_", "\n").replace(" ", "\n") for column in table.columns]
    rows = [
        [cell if wide else cell.replace(" ± ", "\n± ").replace(" (", "\n(") for cell in cells] for cells in table.rows
    ]
    widths = [max(_width(cells[position]) for cells in (columns, *rows)) for position in range(len(columns))]
    for part, shown in enumerate(_parts(widths, console.width)):
        drawn = RichTable(
            title="(continued)" if part else escape(heading),
            title_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        for position in shown:
            drawn.add_column(
                escape(columns[position]),
                justify="left" if position < 2 else "right",
                overflow="fold",
                min_width=NARROWEST,
            )
        for number, cells in enumerate(rows):
            drawn.add_row(*(escape(cells[position]) for position in shown), end_section=number == agents - 1)
        console.print(drawn)
    for note in table.notes:
        console.print(note, style="dim", highlight=False, markup=False)


def _parts(widths: list[int], room: int) -> Iterator[list[int]]:
    """The columns of each of the tables that a wide one is printed as, one below the other; the first, which names the
    row, stands in each."""
    first = EDGES + widths[0]
    shown, used = [0], first
    for position in range(1, len(widths)):
        if len(shown) > 1 and used + GAP + widths[position] > room:
            yield shown
            shown, used = [0], first
        shown.append(position)
        used += GAP + widths[position]
    yield shown


def _width(cell: str) -> int:
    return max(NARROWEST, *(len(line) for line in cell.split("\n")))
