"""Commands that measure what needs no runs: speed, gradient estimators, and what the games pay for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.refusal import refusal
from benchmarks.throughput.sizes import Sizes


def _size(name: str, words: str) -> Any:
    """An option that is a field of `Sizes`, with the default that is taken."""
    return typer.Option(help=words, show_default=str(getattr(Sizes, name)))


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
