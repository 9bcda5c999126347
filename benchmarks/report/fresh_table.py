"""Table of fresh evaluations, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.evaluation.fresh import Evaluated, means_over_runs
from benchmarks.measures.measures import RETURN, Quantity, quantity
from benchmarks.report.table import UNKNOWN, Cell, Column, Table
from textgen_env.metrics import Estimate

PLUS_MINUS = "±: the standard error over episodes, or over runs in a row of several."


def fresh_table(found: Sequence[Evaluated], title: str) -> Table:
    """One line a run, then one for each label that has several: value ± standard error; then the reference returns."""
    names = list(dict.fromkeys(name for each in found for name in (*each.estimates, *each.reasons)))
    shown = [quantity(name) for name in sorted(names, key=lambda name: name != RETURN)]
    columns = (
        Column("run"),
        Column("episodes", priority=len(shown) + 2),
        *(Column(of.title, of.unit, 1 + place) for place, of in enumerate(shown)),
    )
    several = len({each.run.experiment for each in found}) > 1
    rows = [
        (
            Cell.of(each.run.name if several else f"{each.run.label}/seed-{each.run.seed}"),
            Cell.of(each.episodes),
            *_cells(each.estimates, shown),
        )
        for each in found
    ]
    for (experiment, label), means in means_over_runs(found).items():
        count = sum((each.run.experiment, each.run.label) == (experiment, label) for each in found)
        name = f"{experiment}/{label}" if several else label
        rows.append((Cell.of(f"{name}, {count} runs"), UNKNOWN, *_cells(means, shown)))
    known = _references(found)
    for reference, value in known.items():
        cells = [Cell(f"{value:.3f}", value) if of.name == RETURN else UNKNOWN for of in shown]
        rows.append((Cell.of(reference), UNKNOWN, *cells))
    return Table("fresh", title, columns, tuple(rows), tuple(_notes(found)), len(known))


def _cells(found: Mapping[str, Estimate], shown: Sequence[Quantity]) -> list[Cell]:
    return [_cell(found.get(of.name), of.digits + 1) for of in shown]


def _cell(found: Estimate | None, digits: int) -> Cell:
    if found is None:
        return UNKNOWN
    error = f" ± {found.error:.{digits}f}" if np.isfinite(found.error) else ""
    return Cell(f"{found.value:.{digits}f}{error}", found.value)


def _references(found: Sequence[Evaluated]) -> dict[str, float]:
    """Title -> value, of those on which the environments of all runs agree."""
    seen = [{each.title: each.value for each in run.references.values()} for run in found]
    return {title: value for title, value in seen[0].items() if all(other.get(title) == value for other in seen)}


def _notes(found: Sequence[Evaluated]) -> list[str]:
    reasons = {
        f"No {quantity(name).title}: {reason}." for each in found for name, reason in sorted(each.reasons.items())
    }
    own = dict.fromkeys(f"{note[:1].upper()}{note[1:]}." for each in found for note in each.notes)
    return [PLUS_MINUS, *sorted(reasons), *own]
