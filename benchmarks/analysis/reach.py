"""How soon a row came near the goal: the tokens and seconds until a given share of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.analysis.comparison import NONE, Table, shortened
from benchmarks.analysis.load import Collected, RowRecords
from benchmarks.store.results import Point


def first_reached(curve: Sequence[Point], level: float) -> Point | None:
    """The first point of a learning curve from which on the return stays at `level` or above; None if its last point
    lies below."""
    reached = None
    for point in reversed(curve):
        if point.mean_return < level:
            break
        reached = point
    return reached


def reach_table(collected: Collected) -> Table | None:
    """One line a row: in how many runs the return came to the experiment's `reach` of its goal and stayed there, and
    after how many tokens and seconds; None where nothing is asked for."""
    share, goal = collected.manifest.reach, collected.references.get(collected.manifest.goal)
    if not share or goal is None:
        return None
    # Below 0 a level that is near the goal lies under it.
    level = goal.value - (1 - share) * abs(goal.value)
    rows = tuple(_row(row, level) for row in collected.rows)
    note = (
        f"{share:.0%} of the {goal.title} is {level:.2f}. Reached: in so many runs the return came to it, at a point "
        "of the curve, and did not fall below again. Tokens, spent in training until then, and seconds: the median of "
        "those runs, between the fastest and the slowest; a curve has few points, so that both are read off coarsely."
    )
    return Table(("agent", "reached", f"tokens to {share:.0%}", f"seconds to {share:.0%}"), rows, (note,))


def _row(row: RowRecords, level: float) -> tuple[str, ...]:
    points = [first_reached(result.curve, level) for result in row.results]
    found = [point for point in points if point is not None]
    if not found:
        return row.label, f"0/{len(row.records)}", NONE, NONE
    tokens = _middle([point.tokens_spent for point in found], shortened)
    seconds = _middle([point.seconds for point in found], "{:.1f}".format)
    return row.label, f"{len(found)}/{len(row.records)}", tokens, seconds


def _middle(values: Sequence[float], words: Callable[[float], str]) -> str:
    low, middle, high = (words(each) for each in (min(values), float(np.median(values)), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"
