"""Comparison of algorithms: every quantity over runs, the points that were best by validation, time to threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.load import AlgorithmRecords, Collected
from benchmarks.analysis.statistics import Summary, summarise
from benchmarks.store.results import Point

Range = tuple[float, float, float]
"""Lowest, median, highest."""


@dataclass(frozen=True)
class Compared:
    """The numbers of one algorithm over its runs.

    Attributes:
        label: of the algorithm.
        count: its runs and what became of them, in words.
        outcomes: the same as numbers.
        summaries: name of the return or of a measure -> over the finished runs that have it.
        errors: name -> Monte-Carlo standard error of the mean, over texts.
        spent: "tokens_generated", "tokens_read", "tokens_rolled_out", "seconds" at the end of training, "own_seconds"
            without "seconds_before", which are those of the run started from -> over the finished runs.
        collapsed: whether NLL_oracle lies below the oracle's entropy.
        best: the means of the same quantities, and of the one validated by, at the points best by validation.
        best_runs: how many runs have such a point.
        best_spent: tokens until these points, means; none without such points.
    """

    label: str
    count: str
    outcomes: Mapping[str, int]
    summaries: Mapping[str, Summary]
    errors: Mapping[str, float]
    spent: Mapping[str, Summary]
    collapsed: bool
    best: Mapping[str, Summary]
    best_runs: int
    best_spent: Mapping[str, Summary]

    @property
    def finished(self) -> int:
        """Runs that have a result."""
        return self.outcomes["finished"]


@dataclass(frozen=True)
class TimeToThreshold:
    """Time to threshold of one algorithm: when its runs came to it and stayed there.

    Attributes:
        label: of the algorithm.
        reached, asked: runs that did, and all that were asked for.
        tokens, seconds: spent in training until then, over those that did; None if none did.
    """

    label: str
    reached: int
    asked: int
    tokens: Range | None
    seconds: Range | None


@dataclass(frozen=True)
class Threshold:
    """A return near the goal, and when each algorithm reached it.

    Attributes:
        share: of the goal.
        goal: its title.
        value: of the threshold.
        times: of each algorithm.
    """

    share: float
    goal: str
    value: float
    times: tuple[TimeToThreshold, ...]


def compare(collected: Collected) -> tuple[Compared, ...]:
    """The numbers of every algorithm, in the experiment's order."""
    by = "" if collected.validation is None else collected.validation.name
    entropy, error = collected.oracle_entropy, collected.oracle_entropy_error or 0.0
    return tuple(_compared(each, by, collapsed(each, entropy, error)) for each in collected.algorithms)


def collapsed(records: AlgorithmRecords, entropy: float | None, entropy_error: float = 0.0) -> bool:
    """Whether an algorithm's NLL_oracle lies below the oracle's own `entropy` (nats a token), by more than two standard
    errors of their difference over texts, where these are known: the oracle's own texts lie below it half the time."""
    values = records.values.get("nll_oracle")
    if entropy is None or not values:
        return False
    error = math.hypot(records.errors_over_texts.get("nll_oracle", 0.0), entropy_error)
    return float(np.mean(values)) < entropy - 2 * error


def time_to_threshold(collected: Collected) -> Threshold | None:
    """When each algorithm's return came to the experiment's share of its goal and stayed there; None where nothing is
    asked for."""
    share, goal = collected.experiment.threshold, collected.references.get(collected.experiment.goal)
    if not share or goal is None:
        return None
    # Below 0 a return that is near the goal lies under it.
    value = goal.value - (1 - share) * abs(goal.value)
    return Threshold(share, goal.title, value, tuple(_time(each, value) for each in collected.algorithms))


def first_reached(curve: Sequence[Point], threshold: float) -> Point | None:
    """The first point of a learning curve from which on the return stays at the threshold or above; None if its last
    point lies below."""
    reached = None
    for point in reversed(curve):
        if point.mean_return < threshold:
            break
        reached = point
    return reached


def _compared(records: AlgorithmRecords, by: str, has_collapsed: bool) -> Compared:
    results, best = records.results, [each.point for each in records.best]
    ends = [result.curve[-1] for result in results]
    chosen = [point.measures[by] for point in best if by in point.measures]
    # A curve of another tool begins where it was first measured.
    before = [0.0 if records.imported_from else result.curve[0].seconds for result in results]
    spent = {
        **_tokens(ends),
        "seconds": [end.seconds for end in ends],
        "own_seconds": [end.seconds - begun for end, begun in zip(ends, before, strict=True)],
        "seconds_before": before,
    }
    return Compared(
        label=records.label,
        count=records.count,
        outcomes=records.outcomes,
        summaries=_summaries(records.values),
        errors=records.errors_over_texts,
        spent=_summaries(spent),
        collapsed=has_collapsed,
        best=_summaries({**records.best_values, by: chosen}),
        best_runs=len(best),
        best_spent=_summaries(_tokens(best)),
    )


def _tokens(points: Iterable[Point]) -> dict[str, list[float]]:
    counts = [(point.tokens_generated, point.tokens_read, point.tokens_rolled_out) for point in points]
    names = ("tokens_generated", "tokens_read", "tokens_rolled_out")
    return {name: [float(each[place]) for each in counts] for place, name in enumerate(names)}


def _summaries(values: Mapping[str, Sequence[float]]) -> dict[str, Summary]:
    return {
        name: summarise([[each] for each in found], np.random.default_rng(0)) for name, found in values.items() if found
    }


def _time(records: AlgorithmRecords, threshold: float) -> TimeToThreshold:
    points = [first_reached(result.curve, threshold) for result in records.results]
    found = [point for point in points if point is not None]
    tokens, seconds = _range([point.tokens_spent for point in found]), _range([point.seconds for point in found])
    return TimeToThreshold(records.label, len(found), len(records.records), tokens, seconds)


def _range(values: Sequence[float]) -> Range | None:
    return (min(values), float(np.median(values)), max(values)) if values else None
