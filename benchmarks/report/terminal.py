"""Printer of a report: the document on a terminal, with as many columns as its width holds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from benchmarks.report.document import Document
from benchmarks.report.table import Table
from textgen_env.plain_text import plain_text

NARROWEST = 6
# Characters of one message.
MOST_SAID = 2_000
# Blanks that rich puts between columns, and at both ends together.
GAP = 2
EDGES = 2
ELSEWHERE = "the page and table.md have them"
VERDICTS = {None: "", True: "green", False: "bold red"}


def show(document: Document, console: Console) -> None:
    """The comparison, the differences in the first measure, the verdicts, and what is missing."""
    for table in (document.comparison, document.threshold, document.best):
        if table is not None:
            print_table(table, table.title, console)
    for table in document.differences[:1]:
        print_table(table, f"Differences from {document.compared_with} in {table.title}", console)
        if len(document.differences) > 1:
            say("Those in every other measure are in differences.csv and on the page.", "dim", console)
    for verdict in document.verdicts:
        say(verdict.sentence, VERDICTS[verdict.met], console)
    for run in document.missing:
        say(f"{run.name}: {run.story}", "red", console)
    for warning in document.warnings:
        say(f"warning: {warning}", "yellow", console)


def say(words: str, style: str, console: Console) -> None:
    """Prints words as they are."""
    console.print(plain_text(words, MOST_SAID), style=style, highlight=False, markup=False)


def print_table(table: Table, heading: str, console: Console, elsewhere: str = ELSEWHERE) -> None:
    """Prints a table with its notes, in one piece; columns for which there is no room are named below.

    Args:
        table: whose references are set off from what they are compared with.
        heading: above it.
        console: whose width is used.
        elsewhere: where all columns are, in words.
    """
    heads = table.heads
    if len(_fitting(table, heads, console.width)) < len(heads):
        # Headings of two lines make room for more columns.
        heads = tuple(head.replace(" (", "\n(") for head in heads)
    fitting = _fitting(table, heads, console.width)
    drawn = RichTable(
        title=escape(heading), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for place in fitting:
        drawn.add_column(
            escape(heads[place]),
            justify="left" if place < 2 else "right",
            overflow="fold",
            min_width=NARROWEST,
        )
    last = len(table.rows) - table.references - 1
    for number, cells in enumerate(table.texts):
        drawn.add_row(*(escape(cells[place]) for place in fitting), end_section=number == last)
    console.print(drawn)
    left_out = [head for place, head in enumerate(table.heads) if place not in fitting]
    if left_out:
        say(f"No room for {', '.join(left_out)}: {elsewhere}.", "dim", console)
    for note in table.notes:
        say(note, "dim", console)


def _fitting(table: Table, heads: Sequence[str], room: int) -> list[int]:
    """The places of the columns that fit into a line: the first one, and in the order of their priorities each of the
    others for which there is room left."""
    widths = [
        max(NARROWEST, *(len(line) for text in texts for line in text.split("\n")))
        for texts in zip(heads, *table.texts, strict=True)
    ]
    fitting, used = [0], EDGES + widths[0]
    for place in sorted(range(1, len(heads)), key=lambda place: table.columns[place].priority):
        if used + GAP + widths[place] <= room:
            fitting.append(place)
            used += GAP + widths[place]
    return sorted(fitting)
