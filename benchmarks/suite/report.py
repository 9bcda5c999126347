"""Report of a suite: its leaderboard on the terminal, as a page, and as tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.report.files import markdown_table, table_csv
from benchmarks.report.html import listed, section, table_html, whole_page
from benchmarks.report.plots import save_figure, to_svg
from benchmarks.report.table import Table
from benchmarks.report.terminal import print_table, say
from benchmarks.store.run_folder import write_json, write_text, write_whole
from benchmarks.suite.leaderboard import Place, leaderboard
from benchmarks.suite.plots import interval_picture, matrix_picture, profile_picture
from benchmarks.suite.record import (
    ENVIRONMENTS,
    FACTS,
    RUNS,
    VERSIONS,
    SuiteRecord,
    environments_csv,
    of_environments,
    read_record,
    runs_csv,
)
from benchmarks.suite.scores import SuiteScores, suite_scores
from benchmarks.suite.tables import (
    cost_table,
    environments_table,
    failures,
    leaderboard_table,
    matrix_table,
    numbers_table,
)
from textgen_env.registries import names_alone

NUMBERS, MARKDOWN, PAGE = "leaderboard.csv", "leaderboard.md", "leaderboard.html"
MATRIX = "matrix.csv"
ELSEWHERE = f"{PAGE} and {MARKDOWN} have them"


def report_suite(folder: Path, out: Path, console: Console, only: Sequence[str] = ()) -> Path:
    """Prints the leaderboard of a folder of experiments, and writes page, tables and pictures into `out`; returns the
    page's path. Nothing that the results name is imported.

    Args:
        folder: of experiments, or of the tables that were written of them.
        out: made if it is missing.
        console: to print on.
        only: names of environments, in place of all.

    Raises:
        ValueError: nothing there that can be ranked, or no such environment.
    """
    with names_alone(folder):
        record = of_environments(read_record(folder), only)
    scores = suite_scores(record)
    places = leaderboard(record, scores)
    tables = [
        leaderboard_table(scores, places),
        matrix_table(scores, places),
        environments_table(scores),
        cost_table(places),
    ]
    for table in tables:
        print_table(table, table.title, console, ELSEWHERE)
    broken = failures(record, scores)
    for line in broken:
        say(line, "red", console)
    for line in record.warnings:
        say(f"warning: {line}", "yellow", console)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in _texts(record, scores, places, tables, broken).items():
        write_text(out / name, text)
    write_json(out / FACTS, {**record.facts, VERSIONS: [dict(each) for each in record.versions]})
    pictures = {
        "intervals": interval_picture(places),
        "profiles": profile_picture(scores, places),
        "matrix": matrix_picture(scores, places),
    }
    for name, figure in pictures.items():
        write_whole(out / f"{name}.svg", partial(save_figure, figure, "svg"))
    drawings = [to_svg(figure, name, name) for name, figure in pictures.items()]
    write_text(out / PAGE, _page(record, tables, broken, drawings))
    console.print(f"page: {out / PAGE}", soft_wrap=True, highlight=False, markup=False)
    return out / PAGE


def _texts(
    record: SuiteRecord, scores: SuiteScores, places: Sequence[Place], tables: Sequence[Table], broken: Sequence[str]
) -> Mapping[str, str]:
    """The files, by name."""
    parts = [f"# {_title(record)}"]
    for table in tables:
        parts += [f"## {table.title}", markdown_table(table)]
    parts += ["## What failed", "\n".join(f"- {line}" for line in broken) or "No run failed or diverged."]
    return {
        RUNS: runs_csv(record.runs),
        ENVIRONMENTS: environments_csv(record.environments),
        NUMBERS: table_csv(numbers_table(places)),
        MATRIX: table_csv(matrix_table(scores, places)),
        MARKDOWN: "\n\n".join(parts) + "\n",
    }


def _page(record: SuiteRecord, tables: Sequence[Table], broken: Sequence[str], drawings: Sequence[str]) -> str:
    intervals, profiles, matrix = (f"<figure>{drawing}</figure>" for drawing in drawings)
    board, by_environment, environments, costs = tables
    parts = [
        f"<header><h1>{_title(record)}</h1></header>",
        section(board.title, table_html(board), intervals),
        section("Performance profiles", profiles),
        section(by_environment.title, matrix, table_html(by_environment)),
        section(environments.title, table_html(environments)),
        section(costs.title, table_html(costs)),
        section("What failed", listed(broken) if broken else "<p>No run failed or diverged.</p>"),
    ]
    return whole_page(_title(record), parts)


def _title(record: SuiteRecord) -> str:
    facts: Mapping[str, Any] = record.facts
    if "size" not in facts:
        return "Leaderboard"
    return f"Suite, {facts['size']}: {facts['tokens']:,} tokens of training an agent"
