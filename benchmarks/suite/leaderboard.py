"""Leaderboard of a suite: each agent's aggregates with their intervals, and what its runs cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.aggregates import (
    AGGREGATES,
    aggregate,
    aggregate_intervals,
    improvement_interval,
    improvement_probability,
)
from benchmarks.suite.record import FINISHED, SuiteRecord
from benchmarks.suite.scores import SuiteScores

Interval = tuple[float, float] | None
"""95% interval; None of a single run, which has no spread."""


@dataclass(frozen=True)
class Estimated:
    """Estimate with its interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Place:
    """One agent of the leaderboard.

    Attributes:
        agent: its label.
        place: from 1; None of an agent that applies to some of the environments alone.
        environments: that it has run on.
        runs, broken: on them, and how many of these failed or diverged.
        aggregates: name in `benchmarks.analysis.aggregates.AGGREGATES` -> over its environments.
        improvement: probability that a run of it is better than one of the first; None of the first itself, and of
            agents without a place.
        tokens, tokens_rolled_out, seconds: of a run, means over those that finished.
    """

    agent: str
    place: int | None
    environments: int
    runs: int
    broken: int
    aggregates: Mapping[str, Estimated]
    improvement: Estimated | None
    tokens: float
    tokens_rolled_out: float
    seconds: float


def leaderboard(record: SuiteRecord, scores: SuiteScores, seed: int = 0) -> tuple[Place, ...]:
    """The agents by their interquartile mean, the best first; those without a place after them.

    Args:
        record: whose costs are shown.
        scores: of its runs.
        seed: of the bootstrap.
    """
    found = {agent: _aggregates(scores, agent, seed) for agent in scores.scores}
    ranked = sorted(scores.ranked, key=lambda agent: -found[agent]["iqm"].value)
    others = sorted(scores.unranked, key=lambda agent: -found[agent]["iqm"].value)
    places: list[Place] = []
    for agent in (*ranked, *others):
        place = ranked.index(agent) + 1 if agent in ranked else None
        improvement = _improvement(scores, agent, ranked[0], seed) if place is not None and place > 1 else None
        places.append(_place(record, scores, agent, place, found[agent], improvement))
    return tuple(places)


def _place(
    record: SuiteRecord,
    scores: SuiteScores,
    agent: str,
    place: int | None,
    aggregates: Mapping[str, Estimated],
    improvement: Estimated | None,
) -> Place:
    own = scores.scores[agent]
    runs = [
        run
        for run in record.runs
        if run.agent == agent and run.environment in own and run.seed in scores.seeds and run.outcome == FINISHED
    ]
    return Place(
        agent,
        place,
        len(own),
        len(own) * len(scores.seeds),
        scores.broken[agent],
        aggregates,
        improvement,
        _mean([run.tokens for run in runs]),
        _mean([run.tokens_rolled_out for run in runs]),
        _mean([run.seconds for run in runs]),
    )


def _aggregates(scores: SuiteScores, agent: str, seed: int) -> dict[str, Estimated]:
    table = scores.table(agent)
    intervals = aggregate_intervals(table, np.random.default_rng(seed)) if len(table) > 1 else {}
    return {name: Estimated(aggregate(table, statistic), intervals.get(name)) for name, statistic in AGGREGATES.items()}


def _improvement(scores: SuiteScores, agent: str, over: str, seed: int) -> Estimated:
    own, others = (
        np.stack([scores.scores[each][name] for name in scores.environments], axis=1) for each in (agent, over)
    )
    several = len(scores.seeds) > 1
    interval = improvement_interval(own, others, np.random.default_rng(seed)) if several else None
    return Estimated(improvement_probability(own, others), interval)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
