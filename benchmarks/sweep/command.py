"""Command `python -m benchmarks sweep`: sweeps, prints, keeps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.policies.finished import finished_runs
from benchmarks.report.terminal import print_table, say
from benchmarks.store.provenance import versions
from benchmarks.store.run_folder import write_json, write_text
from benchmarks.sweep.curves import Drawn, drawn
from benchmarks.sweep.measure import TEMPERATURES, planes, swept
from benchmarks.sweep.plot import picture
from benchmarks.sweep.table import csv, curve_table, markdown, notes, pair_lines, pairs_csv, verdicts
from benchmarks.throughput.plot import write_picture
from textgen_env.checks import check_at_least, check_number

FORMAT = 1
NAME = "sweep"
TEMPERED = "tempered"
FIRST = "MLE"
# Agents from which on not every two of them are printed.
MANY = 6


def sweep(
    folder: Path,
    console: Console,
    texts: int = 2_000,
    temperatures: str | None = None,
    order: int = 3,
    only: Sequence[str] = (),
    seed: int = 0,
    out: Path | None = None,
    trust: bool = False,
) -> tuple[Drawn, ...]:
    """Sweeps an experiment's finished agents over temperatures, prints a table and sentences for each plane, and writes
    `sweep.json`, `.csv`, `.md`, `.png`, `.svg` and `sweep_pairs.csv`. Rows that are another's policy at a temperature
    are points of that one's curve, and left out unless they are asked for.

    Args:
        folder: of one experiment's results.
        console: to print on.
        texts: of each agent at each temperature, and test texts at most.
        temperatures: with commas; None for `TEMPERATURES`.
        order: of BLEU and Self-BLEU.
        only: labels of algorithms; all if empty.
        seed: of what is drawn.
        out: the folder to write into; None for the experiment's.
        trust: whether import paths in the runs' settings are followed.

    Raises:
        ValueError: arguments out of range, no such folder or label, no agent that can be measured; nothing is written
            then.
        OSError: a folder that cannot be written.
    """
    check_at_least("texts", texts, least=2)
    check_at_least("order", order, least=2, most=5)
    check_at_least("seed", seed, least=0)
    chosen = TEMPERATURES if temperatures is None else parsed_temperatures(temperatures)
    runs = finished_runs(folder, only, lambda agent: agent == TEMPERED, trust)
    begun = time.perf_counter()
    left_out = list(runs.left_out)
    measured: dict[tuple[str, int], Sequence[Mapping[str, float]]] = {}
    with console.status("sweeping", spinner="line") as status:
        for each in runs.agents:
            status.update(f"{each.label}, seed {each.seed}")
            try:
                measured[each.label, each.seed] = swept(each, chosen, texts, order, seed)
            except (ValueError, FloatingPointError) as error:
                left_out.append(f"{runs.name}/{each.label}/seed-{each.seed} is left out: {error}")
    found = drawn(planes(order), chosen, runs.labels, measured)
    for reason in left_out:
        say(reason, "yellow", console)
    if not found:
        raise ValueError(f"DIR={str(folder)!r}: in no plane of a sweep is there a curve of one of its agents")
    against = FIRST if FIRST in runs.labels else runs.labels[0]
    for plane in found:
        table = curve_table(plane)
        print_table(table, table.title, console, f"{NAME}.md has them")
        for sentence in verdicts(plane, against if len(plane.curves) > MANY else None):
            say(sentence, "", console)
    said = notes(texts)
    for note in said:
        say(note, "dim", console)
    into = runs.folder if out is None else out
    into.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "experiment": runs.name,
        "texts": texts,
        "temperatures": list(chosen),
        "seed": seed,
        "seconds": time.perf_counter() - begun,
        "versions": versions(),
        "left_out": left_out,
    }
    verdicts_found = {plane.plane.name: verdicts(plane) for plane in found}
    write_json(into / f"{NAME}.json", {**about, "verdicts": verdicts_found, "pairs": pair_lines(found)})
    write_text(into / f"{NAME}.csv", csv(found))
    write_text(into / f"{NAME}_pairs.csv", pairs_csv(found))
    write_text(into / f"{NAME}.md", markdown(runs.name, found, [*said, *left_out]))
    write_picture(picture(found), into / NAME)
    say(f"written into {into}: {NAME}.json, .csv, .md, .png, .svg, {NAME}_pairs.csv", "", console)
    return found


def parsed_temperatures(text: str) -> tuple[float, ...]:
    """The temperatures that "0.5,0.75,1" names, in rising order.

    Raises:
        ValueError: anything else, or one that is not above 0.
    """
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        raise ValueError(f"--temperatures {text!r}: give numbers above 0 with commas, such as 0.5,0.75,1") from None
    for each in found:
        check_number("temperatures", each, above=0)
    return tuple(found)
