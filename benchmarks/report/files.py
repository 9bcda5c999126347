"""The numbers of an experiment as files for other programs and pages: CSV, Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.analysis.comparison import Table, best_by_validation, collapsed, comparison, statistics
from benchmarks.analysis.differences import RUN_TEST, compared_with, difference_table, differences
from benchmarks.analysis.load import Collected, RowRecords
from benchmarks.analysis.reach import reach_table
from benchmarks.analysis.statistics import summarise
from benchmarks.analysis.verdicts import findings
from benchmarks.measures.measures import RETURN, title, unit

COUNTS = ("asked", "finished", "failed", "diverged", "missing")
SUMMARY = ("mean", "std", "iqm", "iqm_low", "iqm_high", "lowest", "highest", "error_over_texts", "collapsed")
BEST = "best_by_validation"
DIFFERENCE = ("difference", "t", "df", "p", "p_holm", "hedges_g", "p_over_sequences", "sequences_seed", "reason")


def table_csv(collected: Collected) -> str:
    """One line for each row and each number measured of it, at full precision; levels to compare with at the end.

    What is not known is empty; `error_over_texts` is the Monte-Carlo standard error of the mean, iqm_low and iqm_high
    the 95% stratified bootstrap interval of the interquartile mean. All is of the end of training, but that
    `best_by_validation` is the mean at the points that were best by validation.
    """
    return csv_text(("agent", "measure", "unit", *COUNTS, *SUMMARY, BEST), _summaries(collected))


def differences_csv(collected: Collected) -> str:
    """One line for each row and measure: `differences` of all of them, at full precision."""
    return csv_text(
        ("agent", "compared_with", "measure", "unit", "runs", "runs_compared_with", *DIFFERENCE), _tests(collected)
    )


def markdown(collected: Collected) -> str:
    """The tables as they are printed, the differences and the spread over seeds in every measure."""
    parts = [
        f"# {_cell(collected.title)}",
        _cell(collected.manifest.description),
        markdown_table(comparison(collected)),
    ]
    reached = reach_table(collected)
    parts += [] if reached is None else ["## How soon", markdown_table(reached)]
    best = best_by_validation(collected)
    parts += [] if best is None else ["## Best by validation", markdown_table(best)]
    parts += [f"- {_cell(finding.sentence)}" for finding in findings(collected)]
    for record in (record for row in collected.rows for record in row.without_result):
        parts.append(f"- {_cell(record.name)}: {_cell(record.story)}")
    measures = [*collected.measures, RETURN]
    if compared_with(collected) is not None:
        parts.append(f"## Differences from {collected.manifest.compared_with}")
        for measure in measures:
            table = difference_table(collected, measure)
            if table is not None:
                notes = tuple(note for note in table.notes if note != RUN_TEST)
                parts += [f"### {_cell(title(measure))}", markdown_table(replace(table, notes=notes))]
        parts.append(_cell(RUN_TEST))
    parts.append("## Over seeds")
    for measure in measures:
        table = statistics(collected, measure)
        # Their notes are the same, but that some have one column more, as the first has where any has.
        parts += [
            f"### {_cell(title(measure))}",
            markdown_table(table if measure == measures[0] else replace(table, notes=())),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summaries(collected: Collected) -> Iterator[dict[str, Any]]:
    for row in collected.rows:
        for measure in (RETURN, *collected.measures):
            yield _summary(row, measure, row.values(measure), unit(measure, collected.manifest.unit)) | {
                "error_over_texts": row.error_over_texts(measure),
                BEST: float(np.mean(best)) if (best := row.best_values(measure)) else None,
                "collapsed": collapsed(row, collected.oracle_entropy) if measure == "nll_oracle" else None,
            }
        ends = [result.curve[-1] for result in row.results]
        yield _summary(row, "tokens_generated", [end.tokens_generated for end in ends], "tokens")
        yield _summary(row, "tokens_read", [end.tokens_read for end in ends], "tokens")
        yield _summary(row, "tokens_rolled_out", [end.tokens_rolled_out for end in ends], "tokens")
        yield _summary(row, "seconds", [end.seconds for end in ends], "seconds of training")
        own = [result.own_seconds for result in row.results]
        yield _summary(row, "own_seconds", own, "seconds of training, without the run started from")
    for level in collected.references.values():
        yield {"agent": level.title, "measure": RETURN, "unit": collected.manifest.unit, "mean": level.value}
    if collected.oracle_entropy is not None:
        yield {
            "agent": "oracle",
            "measure": "entropy",
            "unit": unit("entropy"),
            "mean": collected.oracle_entropy,
        }


def _summary(row: RowRecords, measure: str, values: list[float], words: str) -> dict[str, Any]:
    line: dict[str, Any] = {"agent": row.label, "measure": measure, "unit": words, **row.outcomes}
    if values:
        found = summarise([[value] for value in values], np.random.default_rng(0))
        line |= {"mean": found.mean, "std": found.std, "iqm": found.iqm, "iqm_low": found.low, "iqm_high": found.high}
        line |= {"lowest": found.minimum, "highest": found.maximum}
    return line


def _tests(collected: Collected) -> Iterator[dict[str, Any]]:
    for measure in (RETURN, *collected.measures):
        for found in differences(collected, measure):
            line: dict[str, Any] = {
                "agent": found.label,
                "compared_with": collected.manifest.compared_with,
                "measure": measure,
                "unit": unit(measure, collected.manifest.unit),
                "runs": found.runs[0],
                "runs_compared_with": found.runs[1],
                "difference": found.difference,
                "p_holm": found.p_holm,
                "hedges_g": found.effect,
                "reason": found.reason,
            }
            if found.test is not None:
                line |= {"t": found.test.t, "df": found.test.df, "p": found.test.p}
            if found.sequences is not None:
                line |= {"p_over_sequences": found.sequences.p, "sequences_seed": found.sequences.seed}
            yield line


def csv_text(columns: tuple[str, ...], lines: Iterable[Mapping[str, Any]]) -> str:
    """Lines of CSV under these columns; what is None or missing is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in line.items()} for line in lines)
    return text.getvalue()


def markdown_table(table: Table) -> str:
    """The table with its notes below it."""
    alignment = [":--", *["--:"] * (len(table.columns) - 1)]
    lines = [table.columns, alignment, *table.rows]
    rows = "\n".join("| " + " | ".join(_cell(cell) for cell in cells) + " |" for cells in lines)
    return "\n\n".join([rows, *(_cell(note) for note in table.notes)])


def _cell(text: str) -> str:
    flat = " ".join(text.split())
    for sign in "\\|<*_`":
        flat = flat.replace(sign, f"\\{sign}")
    return flat
