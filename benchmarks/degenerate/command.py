"""Command `python -m benchmarks degenerate`: searches, prints, keeps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.degenerate.search import REAL, Found, searched
from benchmarks.report.files import csv_text, markdown_table
from benchmarks.report.table import Column, Table, table_of_texts
from benchmarks.report.terminal import print_table
from benchmarks.store.provenance import versions
from benchmarks.store.run_folder import write_json, write_text
from textgen_env import TABLE

FORMAT = 1
HEADS = ("game", "kind", "texts", "best", "mean", "real_mean", "beats_real_mean", "text")
COLUMNS = tuple(
    Column(title, priority=priority)
    for title, priority in {"kind": 0, "texts": 4, "best": 1, "mean": 3, "against real": 2, "best text": 5}.items()
)
NOTES = (
    "best and mean: what the texts of a kind earn, in the unit of the game's reward. against real: the best one less "
    "the mean of the test data; above 0 it earns more than real texts do on average.",
    "A fragment begins or ends as no training text does, by its two first or last tokens.",
    "Of a conditional game, what a text earns on average as the answer to each of the sources: one answer to all.",
    "A discriminator has learned to tell real texts from uniform tokens, by 200 updates: what it pays later depends on "
    "the agent that it is taught by.",
)
SHOWN_TEXT = 60


def degenerate(out: Path, console: Console, only: Sequence[str] = (), seed: int = 0) -> list[Found]:
    """Searches the registered games, prints a table for each, and writes `degenerate.json`, `.csv` and `.md` into the
    folder `out`. Games whose data are not here, or that need an argument, are left out, and named.

    Args:
        out: made if it is not there.
        console: to print on.
        only: parts of the ids that are searched; all if empty.
        seed: of what is shuffled or drawn.

    Raises:
        ValueError: no such id, or none that can be made; nothing is done then.
        OSError: a folder that cannot be written.
    """
    asked = [row for row in TABLE if not only or any(part.casefold() in row.id.casefold() for part in only)]
    if not asked:
        raise ValueError(f"--only {', '.join(only)!r} is in none of the ids: {', '.join(row.id for row in TABLE)}")
    chosen = [row.id for row in asked if not row.lacks]
    for row in asked:
        if row.lacks:
            console.print(f"{row.id} is left out: it needs {row.lacks}", highlight=False, markup=False)
    if not chosen:
        raise ValueError(f"--only {', '.join(only)!r}: none of the games can be made without what it needs")
    out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    found: list[Found] = []
    for game in chosen:
        with console.status(game, spinner="line"):
            of_game = searched(game, seed)
        found += of_game
        print_table(table(of_game), game, console, "degenerate.md has them")
    for note in NOTES:
        console.print(note, style="dim", highlight=False, markup=False)
    about = {"format": FORMAT, "seed": seed, "seconds": time.perf_counter() - begun, "versions": versions()}
    write_json(out / "degenerate.json", {**about, "found": lines(found)})
    write_text(out / "degenerate.csv", csv_text(HEADS, lines(found)))
    parts = ["# Degenerate texts", *NOTES]
    for game in chosen:
        parts += [f"## {game}", markdown_table(table([each for each in found if each.game == game]))]
    write_text(out / "degenerate.md", "\n\n".join(parts) + "\n")
    console.print(f"written into {out}: degenerate.json, .csv, .md", highlight=False, markup=False, soft_wrap=True)
    return found


def lines(found: Iterable[Found]) -> list[dict[str, Any]]:
    """Everything, by `HEADS`."""
    values = ((f.game, f.kind, f.texts, f.best, f.mean, f.real, f.beats, f.text) for f in found)
    return [dict(zip(HEADS, each, strict=True)) for each in values]


def table(found: Sequence[Found]) -> Table:
    """One line a kind, of one game; the real texts first."""
    rows = [
        (
            each.kind,
            f"{each.texts:,}",
            f"{each.best:.3f}",
            f"{each.mean:.3f}",
            "" if each.kind == REAL else f"{each.best - each.real:+.3f}",
            each.text if len(each.text) <= SHOWN_TEXT else each.text[: SHOWN_TEXT - 1] + "…",
        )
        for each in found
    ]
    return table_of_texts(found[0].game if found else "", COLUMNS, rows)
