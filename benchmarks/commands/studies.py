"""Commands that look again at finished agents: exposure bias, and quality against diversity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.options import Seed, Trust
from benchmarks.refusal import refusing

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="one experiment in a folder of results")]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="LABEL", help="of an algorithm; may be repeated", show_default="all algorithms"),
]
Out = Annotated[Path | None, typer.Option(help="the folder of table and picture", show_default="DIR")]


def exposure(
    folder: Folder,
    only: Only = None,
    texts: Annotated[int, typer.Option(help="real prefixes, and as many of the agent's own")] = 2_000,
    lengths: Annotated[int, typer.Option(help="of the prefix, at most; evenly spaced")] = 12,
    seed: Seed = 0,
    out: Out = None,
    trust: Trust = False,
) -> None:
    """Measures by how much finished agents go on worse from their own prefixes than from real ones."""
    from benchmarks.exposure.command import exposure as measured

    with refusing():
        measured(folder, Console(), texts, lengths, only or [], seed, out, trust)


def sweep(
    folder: Folder,
    only: Only = None,
    texts: Annotated[int, typer.Option(help="of each agent at each temperature, and of the test data")] = 2_000,
    temperatures: Annotated[
        str | None, typer.Option(help='that are swept over: "0.5,0.75,1"', show_default="0.5 to 2")
    ] = None,
    order: Annotated[int, typer.Option(help="of BLEU and Self-BLEU, 2 to 5")] = 3,
    seed: Seed = 0,
    out: Out = None,
    trust: Trust = False,
) -> None:
    """Draws quality against diversity of finished agents over temperatures, and says who dominates whom."""
    from benchmarks.sweep.command import sweep as swept

    with refusing():
        swept(folder, Console(), texts, temperatures, order, only or [], seed, out, trust)
