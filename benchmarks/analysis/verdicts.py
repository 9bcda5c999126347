"""Verdicts: how far the rows came towards the goal, and whether what should be small is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.load import Collected, RowRecords
from benchmarks.analysis.statistics import share_of_distance
from benchmarks.measures.measures import RETURN, digits, title
from benchmarks.store.results import Reference


@dataclass(frozen=True)
class Finding:
    """How far a row came: one sentence, and whether that is as far as expected (None: nothing is expected)."""

    sentence: str
    met: bool | None


def findings(collected: Collected) -> list[Finding]:
    """A verdict on every row that something is expected of, and how far the others came.

    What is expected of a row is expected of all its runs: one that failed or diverged, or no result at all, misses it,
    whatever the others reached. Runs that are merely missing yet are named, and the others judged.
    """
    return [*_shares(collected), *_bars(collected)]


def _shares(collected: Collected) -> list[Finding]:
    """What share of the distance from the baseline to the goal each trained row closed, or, without a baseline, what
    share of the goal it reached."""
    manifest = collected.manifest
    goal = collected.references.get(manifest.goal)
    baseline = next((row for row in collected.rows if row.label == manifest.baseline), None)
    lacking = _lacking(manifest.baseline, baseline, goal)
    found = []
    for row in collected.rows:
        expected = manifest.expected_shares.get(row.label)
        bar = None if expected is None else f"at least {expected:.0%} is expected"
        if row.label == manifest.baseline:
            continue
        if goal is not None and row.results and not lacking:
            low = 0.0 if baseline is None else _mean_return(baseline)
            share = share_of_distance(_mean_return(row), low, goal.value)
            if expected is not None or baseline is not None:
                said = _closed(row, share, goal, baseline) + _reservation(row, len(row.results))
                found.append(_finding(said, bar, expected is not None and share >= expected and not _broken(row)))
        elif expected is not None:
            reason = f"no share of the goal: {lacking}" if row.results else f"no result: {_counted(row)}"
            found.append(_finding(f"{row.label} has {reason}", bar, met=False))
    return found


def _bars(collected: Collected) -> list[Finding]:
    """Whether the rows' means over seeds are at most what is expected of them."""
    found = []
    for measure, bars in collected.manifest.at_most.items():
        for row in collected.rows:
            if row.label not in bars:
                continue
            values, most = row.values(measure), bars[row.label]
            if values:
                said = f"{title(measure)} {np.mean(values):.{digits(measure)}f}" + _reservation(row, len(values))
            else:
                said = f"no {title(measure)}" if row.results else f"no result: {_counted(row)}"
            met = bool(values) and float(np.mean(values)) <= most and not _broken(row)
            found.append(_finding(f"{row.label} has {said}", f"at most {most:g} is expected", met))
    return found


def _finding(said: str, bar: str | None, met: bool) -> Finding:
    if bar is None:
        return Finding(f"{said}.", None)
    return Finding(f"{said}; {bar}: {'met' if met else 'MISSED'}.", met)


def _lacking(named: str, baseline: RowRecords | None, goal: Reference | None) -> str:
    """Why no share can be counted; "" where it can."""
    if named and baseline is None:
        return f"there is no {named}, which it is counted from"
    if baseline is not None and not baseline.results:
        return f"{named}, which it is counted from, has no result, {_counted(baseline)}"
    if goal is None:
        return "no run says what the goal is worth"
    low = 0.0 if baseline is None else _mean_return(baseline)
    return f"the {goal.title} is worth {low:.2f}, where the counting starts" if low == goal.value else ""


def _closed(row: RowRecords, share: float, goal: Reference, baseline: RowRecords | None) -> str:
    to_goal = f"the {goal.title} ({goal.value:.2f})"
    if baseline is None:
        return f"{row.label} reached {share:.1%} of {to_goal}"
    low = f"{_mean_return(baseline):.2f}{_reservation(baseline, len(baseline.results))}"
    return f"{row.label} closed {share:.0%} of the distance between {baseline.label} ({low}) and {to_goal}"


def _reservation(row: RowRecords, counted: int) -> str:
    """That a number is of `counted` of the row's runs, where these are not all that were asked for."""
    if _broken(row):
        return f", but {_counted(row)}"
    asked = len(row.records)
    return f", over {counted} of {asked} runs" if counted < asked else ""


def _counted(row: RowRecords) -> str:
    """Of the runs that were asked for: "1 of 10 runs finished, 9 diverged"."""
    outcomes = row.outcomes
    others = [f"{outcomes[name]} {name}" for name in ("failed", "diverged", "missing") if outcomes[name]]
    return ", ".join([f"{outcomes['finished']} of {outcomes['asked']} runs finished", *others])


def _broken(row: RowRecords) -> bool:
    return row.outcomes["failed"] + row.outcomes["diverged"] > 0


def _mean_return(row: RowRecords) -> float:
    return float(np.mean(row.values(RETURN)))
