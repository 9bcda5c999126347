"""Command `python -m benchmarks variance`: measures, prints, keeps."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from benchmarks.report.terminal import print_table
from benchmarks.store.provenance import versions
from benchmarks.store.run_folder import write_json, write_text
from benchmarks.throughput.plot import write_picture
from benchmarks.variance.estimators import BATCHES, ESTIMATORS, POLICIES
from benchmarks.variance.measure import Found, measure
from benchmarks.variance.plot import QUANTITIES, picture
from benchmarks.variance.table import csv, markdown, missed, notes, tables, to_json

FORMAT = 1
QUICK_REPLICATES = 20


def variance(
    out: Path, console: Console, replicates: int, quick: bool = False, only: list[str] | None = None, seed: int = 0
) -> Found:
    """Measures, prints a table for each policy, and writes `variance.json`, `.csv`, `.md`, `.png`, `.svg`,
    and `cosine.png`, `.svg` into the folder `out`.

    Args:
        out: made if it is not there.
        console: to print on.
        replicates: estimates by each estimator of each policy with each number of texts.
        quick: few of them, and without the largest batches.
        only: parts of the labels of the estimators that are measured; all if empty.
        seed: of what is drawn.

    Raises:
        ValueError: replicates below 2, a seed below 0, no such estimator; nothing is done then.
        OSError: a folder that cannot be written.
    """
    if replicates < 2 or seed < 0:
        raise ValueError(f"--replicates {replicates} must be at least 2, and --seed {seed} at least 0")
    chosen = [each for each in ESTIMATORS if not only or any(part.casefold() in each.label.casefold() for part in only)]
    if not chosen:
        labels = "; ".join(each.label for each in ESTIMATORS)
        raise ValueError(f"--only {', '.join(only or [])!r} is in none of the labels: {labels}")
    out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    batches = BATCHES[:-1] if quick else BATCHES
    with console.status("measuring", spinner="line") as status:
        count = QUICK_REPLICATES if quick else replicates
        found = measure(chosen, POLICIES, batches, count, seed=seed, tell=status.update)
    for heading, table in tables(found, batches[-1:]):
        print_table(table, heading, console, "variance.md has them")
    for line in notes(found):
        console.print(line, style="dim", highlight=False, markup=False)
    for row in missed(found):
        said = f"{row.policy}, {row.texts} texts: {row.estimator.label} is biased: p = {row.found.p:.1g}"
        console.print(said, style="bold red", highlight=False, markup=False)
    seconds = time.perf_counter() - begun
    about = {"format": FORMAT, "seed": seed, "seconds": seconds, "versions": versions()}
    write_json(out / "variance.json", {**about, **to_json(found)})
    write_text(out / "variance.csv", csv(found))
    write_text(out / "variance.md", markdown(found))
    for quantity in QUANTITIES:
        write_picture(picture(found, quantity), out / quantity)
    written = ", ".join(f"variance.{kind}" for kind in ("json", "csv", "md", "png", "svg")) + ", cosine.png, .svg"
    console.print(f"written into {out}: {written}", highlight=False, markup=False, soft_wrap=True)
    return found
