"""Commands that do the runs of experiments, and report what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.seeds import parsed_seeds
from benchmarks.refusal import refusing


def list_experiments() -> None:
    """The experiments, each with its sizes and their descriptions."""
    from rich.table import Table

    from benchmarks.catalogue import experiment_names, load_sizes

    table = Table(box=None, show_header=False, pad_edge=False)
    for name in experiment_names():
        for size, experiment in load_sizes(name).items():
            table.add_row(name + (f" --size {size}" if size else ""), experiment.description)
    Console().print(table)


def run(
    name: Annotated[
        str,
        typer.Argument(help="an experiment that `list` shows, or one of your own: a file.toml, or MODULE:EXPERIMENT"),
    ],
    seeds: Annotated[
        str | None, typer.Option(help='how many (3: seeds 0, 1, 2), or which ("0,1,5"; "100-129"; "7," for 7 alone)')
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="runs at a time, each in a process of its own", show_default="one a processor")
    ] = None,
    out: Annotated[Path, typer.Option(help="the folder of results")] = Path("runs"),
    size: Annotated[
        str | None, typer.Option(help="of an experiment that has several", show_default="its first")
    ] = None,
    device: Annotated[str, typer.Option(help="of torch's, for agents and rewards that learn: cpu, cuda")] = "cpu",
    retry: Annotated[bool, typer.Option("--retry", help="do again what failed or diverged")] = False,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="begin anew what cannot be gone on with: a damaged checkpoint, or one of other versions"
        ),
    ] = False,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LABEL=]MODULE:CLASS", help="an algorithm more, of your own; may be repeated", show_default=False
        ),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(help="of training, for --agent", show_default="the most that any has")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="that a run may take; one that takes longer is stopped, and says where it was",
            show_default="any time",
        ),
    ] = None,
) -> None:
    """Does the runs of an experiment that have no result yet, then reports.

    A run that was interrupted, or killed, or that the machine failed (no space, no memory, a library that does not
    load) goes on from its latest checkpoint, as if it had never been (those of Stable-Baselines3 begin anew). One that
    failed, diverged or ran out of time is not done again without --retry, and then goes on likewise.
    """
    from benchmarks.catalogue import load_experiment, modules_of
    from benchmarks.commands.doing import Choices, do_and_report
    from benchmarks.specs.toml_experiment import SUFFIX, experiment_from

    # What is imported of the user's may change the current folder.
    out = out.absolute()
    with refusing():
        chosen = None if seeds is None else parsed_seeds(seeds)
        choices = Choices(out, jobs, chosen, device, retry, anew, timeout)
        modules: tuple[str, ...] = ()
        if name.endswith(SUFFIX):
            if size is not None:
                raise ValueError(f"--size {size} is for experiments of several; {name} has but one: leave it out")
            experiment = experiment_from(Path(name))
        else:
            experiment, modules = load_experiment(name, size), modules_of(name)
        if agent:
            from benchmarks.policies.user_agents import plugged_in

            experiment = plugged_in(experiment, agent, tokens, modules, timeout)
        elif tokens is not None:
            raise ValueError(f"--tokens {tokens} is for what --agent adds")
        do_and_report(experiment, choices, Console(), modules)


def report_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder of results, or one experiment in it")],
) -> None:
    """Rebuilds table and page from whatever results there are."""
    from benchmarks.analysis.load import experiment_folders
    from benchmarks.report.report import report

    with refusing():
        for experiment in experiment_folders(folder):
            report(experiment, Console())
