"""Commands that search for settings, and show what the search gained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.training import AGENT_HELP, ENV_HELP
from benchmarks.refusal import refusing
from benchmarks.specs.tuned import FOLDER

ADVICE = 'tune needs Optuna, which is not installed: pip install "textgen-env[tune]"'
Trials = Annotated[int, typer.Option(help="of each search; more may be asked for later")]
Best = Annotated[int, typer.Option(help="trials that are told apart on seeds of their own")]
Fresh = Annotated[int, typer.Option(help="seeds on which the one selected is compared with the settings it began with")]
Studies = Annotated[Path, typer.Option(help="the folder of studies")]
Into = Annotated[
    Path, typer.Option(metavar="DIR", help="the folder of settings that have won", show_default="where they are taken")
]
Replace = Annotated[bool, typer.Option("--replace", help="settings that are there for the environment")]


def tune(
    agent: Annotated[
        str, typer.Option(metavar="NAME", help=AGENT_HELP.replace(", may be repeated", ""), show_default=False)
    ],
    env: Annotated[str, typer.Option(metavar="ID", help=ENV_HELP, show_default=False)],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PLACE.NAME=VALUE",
            help="as `train` has it; what is set of the agent is not searched; may be repeated",
            show_default=False,
        ),
    ] = None,
    trials: Trials = 50,
    tokens: Annotated[int, typer.Option(help="of training, each run's")] = 50_000,
    seeds: Annotated[int, typer.Option(help="of each trial")] = 2,
    best: Best = 3,
    fresh: Fresh = 10,
    seed: Annotated[int, typer.Option(help="of the search")] = 0,
    name: Annotated[str, typer.Option(help="of the folder below --out", show_default="environment and agent")] = "",
    out: Studies = Path("runs/tuning"),
    into: Into = FOLDER,
    replace: Replace = False,
    jobs: Annotated[int, typer.Option(help="runs at a time after the search")] = 1,
    device: Annotated[str, typer.Option(help="of torch's: cpu, cuda")] = "cpu",
) -> None:
    """Searches for settings of an agent, and keeps them if they win on fresh seeds.

    Trials are chosen by TPE and stopped early by the median rule. The best few are run again on seeds that the search
    has not seen, and the one selected on others again, beside the agent's defaults. The same command goes on with what
    was interrupted.
    """
    console = Console()
    with _searching(console):
        from benchmarks.tuning.command import Tuning
        from benchmarks.tuning.command import tune as tuned

        asked = Tuning(
            agent,
            env,
            tuple(settings or ()),
            tokens,
            trials,
            seeds,
            best,
            fresh,
            seed,
            name,
            out,
            into,
            replace,
            jobs,
            device,
        )
        tuned(asked, partial(_say, console), _today())


def tune_suite(
    size: Annotated[str | None, typer.Option(help="of the suite", show_default="the first")] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="may be repeated", show_default="all that there is something to search of"),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="may be repeated", show_default="all of the suite")
    ] = None,
    trials: Trials = 16,
    best: Best = 2,
    fresh: Fresh = 5,
    out: Studies = Path("runs/tuning-suite"),
    into: Into = FOLDER,
    replace: Replace = False,
) -> None:
    """Searches, as `tune` does, for settings of every agent in every environment of the suite that it applies to.

    A search has the suite's budget and begins with the settings of its rules. What is done is kept: the same command
    goes on, and several of them share the searches.
    """
    console = Console()
    with _searching(console):
        from benchmarks.suite.command import suite_size
        from benchmarks.suite.tuning import SuiteTuning
        from benchmarks.suite.tuning import tune_suite as searched

        asked = SuiteTuning(
            suite_size(size), tuple(agent or ()), tuple(env or ()), trials, best, fresh, out, into, replace
        )
        left = searched(asked, partial(_say, console), _today())
    if left:
        _say(console, f"{len(left)} searches were left to other processes: {', '.join(left)}")


def gains(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder of studies, as `tune` leaves them")],
    out: Annotated[Path | None, typer.Option(help="the folder of the table", show_default="DIR")] = None,
) -> None:
    """Writes what tuning gained: default and tuned settings on fresh seeds, a row for each study."""
    with refusing():
        from benchmarks.tuning.gains import show_gains

        show_gains(folder, folder if out is None else out, Console())


@contextmanager
def _searching(console: Console) -> Iterator[None]:
    """Refuses as every command does, and needs Optuna; an interruption ends the program with 130."""
    with refusing():
        if find_spec("optuna") is None:
            raise ImportError(ADVICE)
        try:
            yield
        except KeyboardInterrupt:
            console.print("interrupted: the same command goes on")
            raise typer.Exit(130) from None


def _say(console: Console, words: str) -> None:
    console.print(words, highlight=False, markup=False, soft_wrap=True)


def _today() -> str:
    return str(datetime.now(UTC).date())
