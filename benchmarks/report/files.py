"""Files of a report for other programs and pages: CSV, Markdown, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.report.document import Document
from benchmarks.report.table import Table
from textgen_env.plain_text import plain_text

TABLE = "table.csv"
DIFFERENCES = "differences.csv"
MARKDOWN = "table.md"
VERSIONS = "versions.json"


def files(document: Document) -> dict[str, str]:
    """The contents of all files, by name."""
    tables = {TABLE: document.numbers, DIFFERENCES: document.tests}
    written = {name: table_csv(table) for name, table in tables.items() if table is not None}
    return {**written, MARKDOWN: markdown(document), VERSIONS: versions_json(document)}


def versions_json(document: Document) -> str:
    """A list of what the runs were made with, one entry where all of them were made with the same: versions of the
    libraries, digest of the code, processor, as `benchmarks.store.provenance.versions` has them."""
    return json.dumps([dict(each) for each in document.versions], indent=2, sort_keys=True) + "\n"


def table_csv(table: Table) -> str:
    """The values of a table under the titles of its columns; what is not known is empty."""
    values = (tuple(cell.value for cell in row) for row in table.rows)
    return csv_text(table.heads, (dict(zip(table.heads, row, strict=True)) for row in values))


def csv_text(columns: tuple[str, ...], lines: Iterable[Mapping[str, Any]]) -> str:
    """Lines of CSV under these columns; what is None or missing is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _entry(value) for key, value in line.items()} for line in lines)
    return text.getvalue()


def _entry(value: Any) -> Any:
    """A value in a file that a spreadsheet may open: before words that it would take for a formula, an apostrophe."""
    if not isinstance(value, str):
        return "" if value is None else value
    words = plain_text(value)
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t")) else words


def markdown(document: Document) -> str:
    """The tables as they are shown, the differences and the spread over seeds in every measure."""
    parts = [f"# {_cell(document.title)}", _cell(document.description), markdown_table(document.comparison)]
    for table in (document.threshold, document.best):
        parts += [] if table is None else [f"## {table.title}", markdown_table(table)]
    parts += [f"- {_cell(verdict.sentence)}" for verdict in document.verdicts]
    parts += [f"- {_cell(run.name)}: {_cell(run.story)}" for run in document.missing]
    if document.differences:
        parts.append(f"## Differences from {document.compared_with}")
        for table in document.differences:
            own = tuple(note for note in table.notes if note != document.test)
            parts += [f"### {_cell(table.title)}", markdown_table(replace(table, notes=own))]
        parts.append(_cell(document.test))
    parts.append("## Over seeds")
    for place, table in enumerate(document.spreads):
        # Their notes are the same, but that some have one column more, as the first has where any has.
        parts += [f"### {_cell(table.title)}", markdown_table(replace(table, notes=() if place else table.notes))]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(table: Table) -> str:
    """The table with its notes below it."""
    alignment = [":--", *["--:"] * (len(table.columns) - 1)]
    lines = [table.heads, alignment, *table.texts]
    rows = "\n".join("| " + " | ".join(_cell(cell) for cell in cells) + " |" for cells in lines)
    return "\n\n".join([rows, *(_cell(note) for note in table.notes)])


def _cell(text: str) -> str:
    flat = " ".join(text.split())
    for sign in "\\|<*_`":
        flat = flat.replace(sign, f"\\{sign}")
    return flat
