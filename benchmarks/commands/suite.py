"""Commands on a suite: its runs, the leaderboard of them, and what another version changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.doing import Choices
from benchmarks.refusal import refusing

Suite = Annotated[Path, typer.Argument(metavar="DIR", help="a folder of experiments, such as runs/suite-laptop")]


def suite(size: str | None, choices: Choices, tuned: Path | None) -> None:
    """Does the runs of a size of the suite that have no result yet, then its leaderboard.

    Raises:
        ValueError, OSError: as `run_suite` and `report_suite`.
        typer.Exit: with 130 after an interruption, with 1 where runs have no result.
    """
    from benchmarks.suite.command import run_suite, suite_size
    from benchmarks.suite.report import report_suite

    console = Console()
    try:
        folder, left = run_suite(suite_size(size), choices, console, tuned)
    except KeyboardInterrupt:
        console.print("interrupted: the same command goes on with the runs that are left")
        raise typer.Exit(130) from None
    report_suite(folder, folder, console)
    if left:
        console.print(f"{left} runs have no result; error.json in their folders says why")
        raise typer.Exit(1)


def leaderboard(
    folder: Suite,
    out: Annotated[Path | None, typer.Option(help="the folder of tables and pictures", show_default="DIR")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="of an environment's experiment; may be repeated", show_default="all"),
    ] = None,
) -> None:
    """Ranks the agents of a suite: aggregates over all environments with intervals, profiles, costs, and what failed.

    Any folder of experiments will do whose experiments name a baseline. Every run counts whose seed has ended for all
    agents and environments.
    """
    from benchmarks.suite.report import report_suite

    with refusing():
        report_suite(folder, folder if out is None else out, Console(), only or [])


def regress(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="a folder of experiments, or the tables of a leaderboard")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="another, of the same experiments")],
    fail: Annotated[
        bool, typer.Option("--fail", help="end with exit code 1 if something got significantly worse")
    ] = False,
    level: Annotated[float, typer.Option(help="of Holm's p-values, below which a difference counts")] = 0.05,
    out: Annotated[
        Path | None, typer.Option(metavar="CSV", help="a table of every comparison", show_default="none")
    ] = None,
) -> None:
    """Compares the runs of two versions: each agent's final measures on each environment, with tests.

    Welch's test over runs, corrected by Holm over all rows. Runs of other settings, and agents or environments that one
    of them lacks, are listed and not compared.
    """
    from benchmarks.suite.regression import compare_versions
    from benchmarks.suite.regression_report import report_regression

    with refusing():
        found = compare_versions(old, new, level)
        report_regression(found, Console(), out)
        if fail and not found.rows:
            raise ValueError("--fail: nothing could be compared; give runs of the same settings")
    if fail and found.worse:
        raise typer.Exit(1)
