"""Commands that ask a finished agent again: where it looks, what it writes, how good that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from benchmarks.commands.options import Run, Seed, Trust
from benchmarks.refusal import refusing

Decode = Annotated[str, typer.Option(help="greedy, beam or sample")]


def plot_attention(
    path: Annotated[Path, typer.Argument(help="the folder of a finished run, or a file that an agent was saved in")],
    source: Annotated[int, typer.Option(help="row of the task's sources; of NumberWords, the number itself")],
    out: Annotated[
        Path | None,
        typer.Option(help="the picture, .png or .svg", show_default="attention-SOURCE.png beside the agent"),
    ] = None,
    env_id: Annotated[
        str | None, typer.Option(help="the environment that the agent was made for", show_default="the run's")
    ] = None,
    env_kwargs: Annotated[str, typer.Option(metavar="JSON", help="its keyword arguments, with --env-id")] = "{}",
    trust: Trust = False,
) -> None:
    """Draws where an agent looks in a source as it writes its likeliest text, token by token."""
    from benchmarks.report.attention_map import plot

    with refusing():
        picture = plot(path, source, out, env_id, env_kwargs, trust)
    Console().print(f"wrote {picture}", highlight=False, soft_wrap=True)


def sample(
    folder: Run,
    n: Annotated[int, typer.Option("--n", help="how many texts; of a beam without sources at most its width")] = 20,
    decode: Decode = "sample",
    width: Annotated[int, typer.Option(help="of the beam")] = 8,
    length_penalty: Annotated[float, typer.Option(help="of the beam; larger prefers longer texts")] = 0.0,
    temperature: Annotated[float, typer.Option(help="of samples")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="of samples: the likeliest tokens", show_default="all")] = None,
    top_p: Annotated[float, typer.Option(help="of samples: the probability of the nucleus")] = 1.0,
    seed: Seed = 0,
    trust: Trust = False,
) -> None:
    """Shows texts of a run's agent, each with its log-probability, its score and its source."""
    from benchmarks.report.samples import shown_samples
    from textgen_env.plain_text import print_text

    settings = {
        "width": width,
        "length_penalty": length_penalty,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
    }
    with refusing():
        lines = shown_samples(folder, n, decode, seed, settings, trust)
    for line in lines:
        print_text(line)


def evaluate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="folders of finished runs, or folders that hold some")
    ],
    episodes: Annotated[
        int | None, typer.Option(help="texts of each agent", show_default="as many as the experiment measures")
    ] = None,
    decode: Decode = "sample",
    env: Annotated[
        str | None,
        typer.Option(metavar="ID", help="another environment, of the same spaces", show_default="the run's"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="env.NAME=VALUE",
            help="an argument of the environment, as for `train`; without --env it changes the run's own",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    trust: Trust = False,
) -> None:
    """Measures finished agents on fresh texts, by their experiment's measures, with standard errors.

    Of one label with several runs there is a row of their mean, too.
    """
    from benchmarks.evaluation.fresh import Asked, evaluated
    from benchmarks.policies.kept_run import kept_run, run_folders
    from benchmarks.report.fresh_table import fresh_table
    from benchmarks.report.terminal import print_table
    from benchmarks.specs.import_path import look_in_current_folder

    look_in_current_folder()
    console = Console()
    with refusing():
        asked = Asked(cast(Any, decode), episodes, seed, env, tuple(settings or ()))
        with console.status("evaluating", spinner="line"):
            found = [evaluated(kept_run(folder, trust), asked) for folder in run_folders(runs)]
        where = dict.fromkeys(f"{each.run.experiment} · {each.env_id}" for each in found)
        table = fresh_table(found, f"{', '.join(where)} · {decode}")
    print_table(table, table.title, console, "give the terminal more columns (COLUMNS=300)")


def watch(
    folder: Run,
    n: Annotated[int, typer.Option("--n", help="how many texts")] = 3,
    decode: Decode = "sample",
    speed: Annotated[float, typer.Option(help="tokens a second; 0: at once")] = 6.0,
    source: Annotated[
        int | None, typer.Option(help="row of the task's sources, for every text", show_default="drawn for each")
    ] = None,
    seed: Seed = 0,
    trust: Trust = False,
) -> None:
    """Shows a run's agent at work: texts grow token by token, what they earn beside them.

    Where the output is no terminal, each text is printed when it is whole.
    """
    from benchmarks.report.watching import Pace
    from benchmarks.report.watching import watch as watched

    with refusing():
        watched(folder, Pace(n, cast(Any, decode), speed, source, seed), Console(), trust)
