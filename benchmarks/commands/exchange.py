"""Commands that exchange results with other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.options import Out
from benchmarks.refusal import refusing


def export(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="folders of results, or experiments in them")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="the file, .csv or .parquet", show_default=False)],
    to: Annotated[
        str | None, typer.Option(help="csv, or parquet (by pyarrow)", show_default="the ending of --out")
    ] = None,
) -> None:
    """Writes a tidy frame: a row for each run and measurement, of curves and of final measures.

    Columns: experiment, environment, label, agent, seed, status, split (curve, final, best), measure, tokens, seconds,
    value, error.
    """
    from benchmarks.exchange.export import kind_of, write_frame
    from benchmarks.exchange.frames import rows_in

    with refusing():
        kind = kind_of(out, to)
        rows = rows_in(runs)
        write_frame(rows, out, kind)
    said = f"wrote {out}: {len(rows)} rows of {len({(row.experiment, row.label, row.seed) for row in rows})} runs"
    Console().print(said, highlight=False, soft_wrap=True, markup=False)


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="a CSV with the columns label, seed, tokens, measure, value")
    ],
    out: Out = Path("runs"),
    name: Annotated[
        str,
        typer.Option(help="of the experiment, which may be there already", show_default="its column, or FILE's name"),
    ] = "",
) -> None:
    """Reads results of other tools from a CSV, and reports them beside those that were made here.

    Columns that may be there too: experiment, environment, agent, status, split, seconds, error. Whatever is wrong is
    named with its line, and nothing is written then.
    """
    from benchmarks.exchange.imported import import_csv
    from benchmarks.report.report import report

    console = Console()
    with refusing():
        plans = import_csv(file, out, name)
        for plan in plans:
            report(plan.folder, console)
    for plan in plans:
        kept = f", {plan.kept} were there already" if plan.kept else ""
        said = f"{plan.folder}: {len(plan.new)} runs imported{kept}"
        console.print(said, highlight=False, soft_wrap=True, markup=False)
