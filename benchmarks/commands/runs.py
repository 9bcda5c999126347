"""Commands that do the runs of experiments, and report what they found."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.seeds import parsed_seeds
from benchmarks.refusal import refusal
from benchmarks.specs.tuned import FOLDER
from benchmarks.store.leases import STALE_SECONDS

Stale = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="without a sign of life after which another machine's run is taken over; the same on all machines",
    ),
]

SUITE = "suite"
"""Name of what is no single experiment, but one for each environment."""


def list_experiments() -> None:
    """The experiments, each with its sizes and their descriptions."""
    from rich.table import Table

    from benchmarks.catalogue import experiment_names, load_sizes
    from benchmarks.suite.sizes import SIZES

    table = Table(box=None, show_header=False, pad_edge=False)
    for name in experiment_names():
        for size, experiment in load_sizes(name).items():
            table.add_row(name + (f" --size {size}" if size else ""), experiment.description)
    for each in SIZES.values():
        table.add_row(f"{SUITE} --size {each.name}", each.description)
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
    plan: Annotated[
        bool, typer.Option("--plan", help="write down what is to be done, for `work` on any machine, and do none of it")
    ] = False,
    untuned: Annotated[
        bool, typer.Option("--untuned", help="of the suite: every agent with its defaults, into a folder of its own")
    ] = False,
    stale: Stale = STALE_SECONDS,
    executor: Annotated[
        str, typer.Option(help="where runs are done: local, this machine's processes; ray; slurm")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(help='of the Ray cluster: "auto", HOST:PORT', show_default="one that is started here"),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="of each Slurm job, as submitit names it: timeout_min=240, slurm_partition=long; may be repeated",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Does the runs of an experiment that have no result yet, then reports.

    Several such commands, and `work`, on whatever machines see --out, share the runs: each is done by one of them.

    A run that was interrupted, or killed, or that the machine failed (no space, no memory, a library that does not
    load) goes on from its latest checkpoint, as if it had never been (those of Stable-Baselines3 begin anew). One that
    failed, diverged or ran out of time is not done again without --retry, and then goes on likewise.
    """
    from benchmarks.catalogue import load_experiment, modules_of
    from benchmarks.commands.doing import Choices, do_and_report

    # What is imported of the user's may change the current folder.
    out = out.absolute()
    try:
        chosen = None if seeds is None else parsed_seeds(seeds)
        choices = Choices(
            out,
            jobs,
            chosen,
            device,
            retry,
            anew,
            timeout,
            stale,
            plan,
            executor=executor,
            address=address,
            slurm=tuple(slurm or ()),
        )
        if name == SUITE:
            from benchmarks.commands.suite import suite

            if agent or tokens is not None:
                raise ValueError("--agent and --tokens are not for the suite; `train --agent` compares your own")
            suite(size, choices, None if untuned else FOLDER)
            return
        if untuned:
            raise ValueError("--untuned is for the suite; an experiment says its settings itself")
        experiment, modules = load_experiment(name, size), modules_of(name)
        if agent:
            from benchmarks.policies.user_agents import plugged_in

            experiment = plugged_in(experiment, agent, tokens, modules, timeout)
        elif tokens is not None:
            raise ValueError(f"--tokens {tokens} is for what --agent adds")
        do_and_report(experiment, choices, Console(), modules)
    except (ValueError, OSError) as error:
        raise refusal(error) from None


def work(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="an experiment in a folder of results, or that folder")],
    jobs: Annotated[
        int | None, typer.Option(help="runs at a time, each in a process of its own", show_default="one a processor")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="do again what failed or diverged")] = False,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="begin anew what cannot be gone on with, as a checkpoint of another version"),
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="that a run may take", show_default="any time")
    ] = None,
    wait: Annotated[
        bool, typer.Option(help="for what others do, and take it over where they are gone; or leave when none is free")
    ] = True,
    stale: Stale = STALE_SECONDS,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="that registers agents, environments or rewards of your own; may be repeated",
            show_default=False,
        ),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="import what the folder names by import path: executes what is there")
    ] = False,
) -> None:
    """Does runs that a folder of results asks for, with every other process, on whatever machine, that does so too.

    `run` has written down what is to be done, or `run --plan`. Each run is done by one process at a time; those of a
    process that is gone are taken over, from their latest checkpoint. `report` shows what there is.
    """
    from benchmarks.analysis.load import experiment_folders
    from benchmarks.commands.doing import Choices
    from benchmarks.commands.doing import work as shared
    from benchmarks.specs.import_path import look_in_current_folder

    try:
        choices = Choices(Path(), jobs, None, "cpu", retry, anew, timeout, stale, wait=wait)
        look_in_current_folder()
        for module in modules or ():
            import_module(module)
        complete = [
            shared(experiment, choices, Console(), modules or (), trust) for experiment in experiment_folders(folder)
        ]
    except (ValueError, OSError, ImportError) as error:
        raise refusal(error) from None
    if not all(complete):
        raise typer.Exit(1)


def report_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder of results, or one experiment in it")],
) -> None:
    """Rebuilds table and page from whatever results there are."""
    from benchmarks.analysis.load import experiment_folders
    from benchmarks.report.report import report

    try:
        for experiment in experiment_folders(folder):
            report(experiment, Console())
    except (ValueError, OSError) as error:
        raise refusal(error) from None
