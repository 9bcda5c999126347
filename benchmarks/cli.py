"""Command line of the benchmarks: `python -m benchmarks --help` lists its commands."""

from __future__ import annotations

import os
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.refusal import refusal
from benchmarks.studies import exposure, sweep
from benchmarks.throughput.sizes import Sizes

MOST_SEEDS = 10_000
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)


def _size(name: str, words: str) -> Any:
    """An option that is a field of `Sizes`, with the default that is taken."""
    return typer.Option(help=words, show_default=str(getattr(Sizes, name)))


@app.command("list")
def list_experiments() -> None:
    """The experiments, each with its sizes and their descriptions."""
    from rich.table import Table

    from benchmarks.catalogue import experiment_names, load_sizes

    table = Table(box=None, show_header=False, pad_edge=False)
    for name in experiment_names():
        for size, experiment in load_sizes(name).items():
            table.add_row(name + (f" --size {size}" if size else ""), experiment.description)
    Console().print(table)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="an experiment that `list` shows, or one of your own: MODULE:EXPERIMENT")],
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
    from benchmarks.report.report import report
    from benchmarks.running.progress import ProgressBars
    from benchmarks.running.scheduler import may_be_tried_again, run_experiment
    from benchmarks.specs.experiment import runs_of
    from benchmarks.store.run_folder import read_state

    console = Console()
    # What is imported of the user's may change the current folder.
    out = out.absolute()
    try:
        if timeout is not None and not 0 < timeout < inf:
            raise ValueError(f"--timeout {timeout:g} must be a number of seconds above 0")
        experiment, modules = load_experiment(name, size), modules_of(name)
        if agent:
            from benchmarks.policies.user_agents import plugged_in

            experiment = plugged_in(experiment, agent, tokens, modules, timeout)
        elif tokens is not None:
            raise ValueError(f"--tokens {tokens} is for what --agent adds")
        chosen = experiment.seeds if seeds is None else parsed_seeds(seeds)
        workers = (os.cpu_count() or 1) if jobs is None else jobs
        if workers < 1:
            raise ValueError(f"--jobs {jobs} must be at least 1")
        asked = runs_of(experiment, chosen)
        interrupted = False
        kept = sum(read_state(out / run.name).status == "finished" for run in asked)
        with ProgressBars(console, len(asked), kept) as bars:
            try:
                run_experiment(
                    experiment, out, workers, bars.listen, chosen, bars.say, device, retry, modules, timeout, anew
                )
            except KeyboardInterrupt:
                interrupted = True
        report(out / experiment.name, console)
    except (ValueError, OSError) as error:
        raise refusal(error) from None
    states = [read_state(out / run.name) for run in asked]
    left = [state for state in states if state.status != "finished"]
    if interrupted:
        console.print(f"interrupted; {len(left)} of {len(asked)} runs are left: the same command goes on with them")
        raise typer.Exit(130)
    if left:
        console.print(f"{len(left)} of {len(asked)} runs failed; see above, and error.json in their folders")
        # One without an error was failed by a disk that took none.
        again = sum(state.error is None or may_be_tried_again(state.error) for state in left)
        if again:
            console.print(f"{again} of them by no fault of their agents: the same command tries them again")
        if again < len(left):
            console.print(f"{'the others' if again else 'they'} are not run again, unless asked for by --retry")
        raise typer.Exit(1)


@app.command("report")
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


@app.command("plot-attention")
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


@app.command()
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


@app.command()
def throughput(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="a case, in place of all but defaults, million; repeatable",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="smaller sizes, in half a minute")] = False,
    repeats: Annotated[int, typer.Option(help="rounds of each comparison, whose median is shown")] = 7,
    threads: Annotated[int | None, typer.Option(help="of torch", show_default="as torch has it")] = None,
    vocab_size: Annotated[int | None, _size("vocab_size", "V")] = None,
    length: Annotated[int | None, _size("length", "T, tokens of a text")] = None,
    rows: Annotated[int | None, _size("rows", "of vector environments, texts at once")] = None,
    references: Annotated[int | None, _size("references", "that BLEU compares with")] = None,
    texts: Annotated[int | None, _size("texts", "of a sample")] = None,
    batch: Annotated[int | None, _size("batch", "texts of an update")] = None,
    wide_rows: Annotated[int | None, _size("wide_rows", "the most rows")] = None,
    longest: Annotated[int | None, _size("longest", "the most tokens of a text")] = None,
    largest_vocab: Annotated[int | None, _size("largest_vocab", "the largest V")] = None,
    most_texts: Annotated[int | None, _size("most_texts", "the most texts of a sample")] = None,
    million: Annotated[int | None, _size("million", "references of the case million")] = None,
    out: Annotated[Path, typer.Option(help="the folder of table and pictures")] = Path("runs/throughput"),
) -> None:
    """Measures the speed of every kernel beside its reference and its floor."""
    from benchmarks.throughput.command import throughput as measured

    options = {
        "vocab_size": vocab_size,
        "length": length,
        "rows": rows,
        "references": references,
        "texts": texts,
        "batch": batch,
        "wide_rows": wide_rows,
        "longest": longest,
        "largest_vocab": largest_vocab,
        "most_texts": most_texts,
        "million": million,
    }
    try:
        found = measured(out, Console(), only or [], quick, repeats, threads, options)
    except (ValueError, OSError) as error:
        raise refusal(error) from None
    if found.interrupted:
        raise typer.Exit(130)
    if found.failed:
        raise typer.Exit(1)


@app.command()
def variance(
    replicates: Annotated[int, typer.Option(help="estimates of each gradient by each estimator")] = 200,
    quick: Annotated[bool, typer.Option("--quick", help="20 replicates, no large batches, no test of bias")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PART", help="of an estimator's label; may be repeated", show_default="all estimators"),
    ] = None,
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0,
    out: Annotated[Path, typer.Option(help="the folder of table and picture")] = Path("runs/variance"),
) -> None:
    """Measures bias and variance of gradient estimators against the exact gradient, on Tiny."""
    from benchmarks.variance.command import variance as measured
    from benchmarks.variance.table import missed

    try:
        found = measured(out, Console(), replicates, quick, only, seed)
    except (ValueError, OSError) as error:
        raise refusal(error) from None
    if missed(found):
        raise typer.Exit(1)


@app.command()
def degenerate(
    only: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="of an id; may be repeated", show_default="all ids")
    ] = None,
    seed: Annotated[int, typer.Option(help="of what is shuffled or drawn")] = 0,
    out: Annotated[Path, typer.Option(help="the folder of the table")] = Path("runs/degenerate"),
) -> None:
    """Searches for texts that nobody would call good and that earn much all the same, in every registered game."""
    from benchmarks.degenerate.command import degenerate as searched

    try:
        searched(out, Console(), only or [], seed)
    except (ValueError, OSError) as error:
        raise refusal(error) from None


for study in (exposure, sweep):
    app.command()(study)


def parsed_seeds(text: str) -> tuple[int, ...]:
    """The seeds that "3" (0, 1, 2), "0,1,5", "7," or "100-129" name; ranges may stand among others, "0,100-129".

    Raises:
        ValueError: anything else, or more than `MOST_SEEDS` by their number.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and parts[0].isdecimal() and int(parts[0]) >= 1:
        _check_few(text, int(parts[0]), f"; for the one seed of that number write --seeds {parts[0]},")
        return tuple(range(int(parts[0])))
    ranges = [_seed_range(part) for part in parts if part]
    if not ranges or not all(ranges) or (len(parts) == 1 and "-" not in text):
        raise ValueError(
            f"--seeds {text!r}: give a number >= 1 of seeds, or whole numbers >= 0 with commas: 0,1,2, or ranges from "
            "low to high: 100-129"
        )
    _check_few(text, sum(each.stop - each.start for each in ranges))
    return tuple(dict.fromkeys(seed for each in ranges for seed in each))


def _seed_range(part: str) -> range:
    """Of "5" or "5-9", the last among them; empty where it is neither."""
    low, dash, high = (piece.strip() for piece in part.partition("-"))
    if not low.isdecimal() or (dash and not high.isdecimal()):
        return range(0)
    return range(int(low), int(high if dash else low) + 1)


def _check_few(text: str, count: int, remedy: str = "") -> None:
    if count > MOST_SEEDS:
        raise ValueError(f"--seeds {text} asks for {count} seeds, and at most {MOST_SEEDS} are run at once{remedy}")
