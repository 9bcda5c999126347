"""Tables as data: columns, rows of cells, notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textgen_env.plain_text import plain_text

MOST_IN_CELL = 500
"""Characters that a cell shows."""
Value = str | int | float | bool | None
NONE = "–"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        unit: of its numbers, in words; "" for none.
        priority: where the room is short, the column with the least one stays longest.
    """

    title: str
    unit: str = ""
    priority: int = 0


@dataclass(frozen=True)
class Cell:
    """An entry of a table.

    Attributes:
        text: as it is shown.
        value: what it says, at full precision; None where nothing is known.
    """

    text: str
    value: Value = None

    @classmethod
    def of(cls, value: Value) -> Cell:
        """The cell of a file of numbers: nothing is rounded, and what is not known is empty."""
        return cls("" if value is None else str(value), value)


UNKNOWN = Cell(NONE)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: by which it is told from the others of a report.
        title: above it.
        columns: the first one names the row.
        rows: one cell a column.
        notes: explain the columns, and what is missing.
        references: how many of the last rows are no algorithms, but returns to compare them with.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    references: int = 0

    @property
    def heads(self) -> tuple[str, ...]:
        """The titles of the columns."""
        return tuple(column.title for column in self.columns)

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The cells as they are shown."""
        return tuple(tuple(plain_text(cell.text, MOST_IN_CELL) for cell in row) for row in self.rows)


def table_of_texts(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    """A table of words alone."""
    return Table(title, title, tuple(columns), tuple(tuple(Cell(text, text) for text in row) for row in rows))
