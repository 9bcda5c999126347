"""Report of a regression: what got worse, what got better, and what could not be compared."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console

from benchmarks.report.files import table_csv
from benchmarks.report.table import Cell, Column, Table
from benchmarks.report.terminal import print_table, say
from benchmarks.store.run_folder import write_text
from benchmarks.suite.regression import Regression, Row

TOLD = ("worse", "changed", "better")
MOST_LISTED = 20
HEADS = (
    "environment",
    "agent",
    "measure",
    "verdict",
    "old_mean",
    "new_mean",
    "difference",
    "old_runs",
    "new_runs",
    "t",
    "df",
    "p",
    "p_holm",
    "reason",
)


def report_regression(found: Regression, console: Console, out: Path | None = None) -> None:
    """Prints what differs, and writes every comparison into the CSV `out`, if one is given."""
    say(f"OLD {found.folders[0]}", "", console)
    say(f"NEW {found.folders[1]}", "", console)
    for name, (old, new) in found.versions.items():
        say(f"  {name}: {old} -> {new}", "dim", console)
    if not found.versions:
        say("  made with the same versions", "dim", console)
    table = differing(found)
    if table.rows:
        print_table(table, table.title, console, "--out CSV has them")
    for line in found.failures:
        say(line, "bold red", console)
    for name, reason in list(found.uncompared.items())[:MOST_LISTED]:
        say(f"not compared: {name}: {reason}", "yellow", console)
    if len(found.uncompared) > MOST_LISTED:
        say(f"and {len(found.uncompared) - MOST_LISTED} more that are not compared", "yellow", console)
    say(summary(found), "bold red" if found.worse else "green", console)
    if out is not None:
        write_text(out, table_csv(numbers(found)))


def summary(found: Regression) -> str:
    """All of it in a sentence."""
    counts = Counter(row.verdict for row in found.rows)
    tested = sum(row.test is not None for row in found.rows)
    reasons = Counter(row.reason for row in found.rows if row.reason)
    untested = "".join(f"; {count} not tested: {reason}" for reason, count in reasons.items())
    broken = f"; {len(found.failures)} agents fail more often" if found.failures else ""
    return (
        f"Of {tested} comparisons by Welch's test, corrected by Holm: {counts['worse']} worse, "
        f"{counts['better']} better, {counts['changed']} changed in a measure without a better direction, "
        f"{counts['not told apart']} not told apart at {found.level:g}{untested}{broken}; {len(found.uncompared)} not "
        "compared."
    )


def differing(found: Regression) -> Table:
    """The comparisons that are significant, what got worse first."""
    columns = tuple(
        Column(title, priority=at)
        for at, title in enumerate(
            ("environment", "agent", "measure", "verdict", "old", "new", "difference", "p (Holm)")
        )
    )
    rows = sorted(
        (row for row in found.rows if row.verdict in TOLD), key=lambda row: (TOLD.index(row.verdict), row.p_holm)
    )
    return Table("regression", "What differs", columns, tuple(_shown(row) for row in rows))


def numbers(found: Regression) -> Table:
    """Every comparison at full precision."""
    return Table(
        "numbers", "Numbers", tuple(Column(head) for head in HEADS), tuple(_numbers(row) for row in found.rows)
    )


def _shown(row: Row) -> tuple[Cell, ...]:
    digits = row.quantity.digits
    old, new = row.means
    numbers = (f"{old:.{digits}f}", f"{new:.{digits}f}", f"{row.difference:+.{digits}f}", f"{row.p_holm:.2g}")
    words = (row.environment, row.agent, row.quantity.title, row.verdict, *numbers)
    return tuple(Cell(text, text) for text in words)


def _numbers(row: Row) -> tuple[Cell, ...]:
    test = (None, None, None) if row.test is None else (row.test.t, row.test.df, row.test.p)
    words = (row.environment, row.agent, row.quantity.name, row.verdict)
    values = (*words, *row.means, row.difference, *row.runs, *test, row.p_holm, row.reason)
    return tuple(Cell.of(value) for value in values)
