"""Commands that show a finished agent: where it looks, and what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.refusal import refusal


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
    trust: Annotated[
        bool,
        typer.Option("--trust", help="import what the run's config.json names by import path: executes what is there"),
    ] = False,
) -> None:
    """Draws where an agent looks in a source as it writes its likeliest text, token by token."""
    from benchmarks.report.attention_map import plot

    try:
        picture = plot(path, source, out, env_id, env_kwargs, trust)
    except (ValueError, TypeError, OSError) as error:
        raise refusal(error) from None
    Console().print(f"wrote {picture}", highlight=False, soft_wrap=True)


def sample(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the folder of a finished run")],
    n: Annotated[int, typer.Option("--n", help="how many texts; of a beam without sources at most its width")] = 20,
    decode: Annotated[str, typer.Option(help="greedy, beam or sample")] = "sample",
    width: Annotated[int, typer.Option(help="of the beam")] = 8,
    length_penalty: Annotated[float, typer.Option(help="of the beam; larger prefers longer texts")] = 0.0,
    temperature: Annotated[float, typer.Option(help="of samples")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="of samples: the likeliest tokens", show_default="all")] = None,
    top_p: Annotated[float, typer.Option(help="of samples: the probability of the nucleus")] = 1.0,
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="import what the run's config.json names by import path: executes what is there"),
    ] = False,
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
    try:
        lines = shown_samples(folder, n, decode, seed, settings, trust)
    except (ValueError, TypeError, OSError) as error:
        raise refusal(error) from None
    for line in lines:
        print_text(line)
