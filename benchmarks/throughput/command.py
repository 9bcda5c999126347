"""Command `python -m benchmarks throughput`: measures, prints, keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.store.run_folder import write_json
from benchmarks.throughput.catalogue import chosen
from benchmarks.throughput.clock import Clock
from benchmarks.throughput.plot import growth, ratios, write_picture
from benchmarks.throughput.run import Measurements, measure
from benchmarks.throughput.sizes import QUICK, Sizes
from benchmarks.throughput.table import show

QUICK_SECONDS = 1.0
"""For one comparison of a quick run."""


def throughput(
    out: Path,
    console: Console,
    only: list[str],
    quick: bool,
    repeats: int,
    threads: int | None,
    options: dict[str, int | None],
) -> Measurements:
    """Measures, prints the table and writes `throughput.json`, `throughput.png`, `growth.png` and their `.svg` into
    the folder `out`; after Ctrl-C it only prints.

    Args:
        out: made if it is not there.
        console: to print on.
        only: names of cases; all but the longest if empty.
        quick: small sizes and few seconds.
        repeats: rounds of each comparison.
        threads: of torch; as it is if None.
        options: fields of `Sizes` -> value; None for the default.

    Raises:
        ValueError: an option that is not allowed; nothing is done then.
        OSError: a folder that cannot be written.
    """
    names = chosen(only)
    sizes = (QUICK if quick else Sizes()).with_options(options)
    clock = Clock(repeats)
    if quick:
        clock = replace(clock, most_seconds=QUICK_SECONDS)
    if threads is not None and threads < 1:
        raise ValueError(f"--threads {threads} must be a whole number >= 1")
    out.mkdir(parents=True, exist_ok=True)
    with console.status("measuring", spinner="line") as status:
        found = measure(
            names, sizes, clock, threads, lambda name: status.update(f"{names.index(name) + 1}/{len(names)} {name}")
        )
    show(found, console)
    if found.interrupted:
        console.print("interrupted; nothing is written", highlight=False)
        return found
    write_json(out / "throughput.json", found.to_json())
    written = [out / "throughput.json"]
    if any(row.ratio is not None for row in found.rows):
        written += write_picture(ratios(found.rows, judged=sizes == Sizes()), out / "throughput")
    if found.curves:
        written += write_picture(growth(found.curves), out / "growth")
    console.print("written: " + ", ".join(map(str, written)), highlight=False, markup=False, soft_wrap=True)
    return found
