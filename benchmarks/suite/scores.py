"""Scores of a suite: returns counted between what uniform tokens earn, 0, and each environment's reference, 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.analysis.verdicts import share_of_distance
from benchmarks.measures.measures import RETURN
from benchmarks.suite.record import FINISHED, MISSING, EnvironmentRow, RunRow, SuiteRecord

FloatArray = NDArray[np.float64]
BROKEN_SCORE = 0.0
"""Score of a run that failed or diverged: nothing that it wrote can be used, no more than uniform tokens."""


@dataclass(frozen=True)
class Scale:
    """Environment whose returns become scores: `zero` is the return that is 0, `one` the one that is 1."""

    environment: EnvironmentRow
    zero: float
    one: float


@dataclass(frozen=True)
class SuiteScores:
    """Scores of all agents.

    Attributes:
        scales: of the environments that can be scored.
        unscored: name of another environment -> why it cannot.
        seeds: those that are counted: every agent's run has ended on every environment.
        left_seeds: the others.
        scores: agent -> name of an environment -> (runs,), by seed.
        broken: agent -> runs that failed or diverged, which count as 0.
    """

    scales: tuple[Scale, ...]
    unscored: Mapping[str, str]
    seeds: tuple[int, ...]
    left_seeds: tuple[int, ...]
    scores: Mapping[str, Mapping[str, FloatArray]]
    broken: Mapping[str, int]

    @property
    def environments(self) -> list[str]:
        """Names of those that are scored."""
        return [each.environment.name for each in self.scales]

    def table(self, agent: str) -> FloatArray:
        """Scores (runs, tasks) of an agent on the environments that it has."""
        return np.stack(list(self.scores[agent].values()), axis=1)

    @property
    def ranked(self) -> list[str]:
        """Agents that have run on every environment, in the suite's order."""
        return [agent for agent, found in self.scores.items() if len(found) == len(self.scales)]

    @property
    def unranked(self) -> list[str]:
        """The others, which apply to some of the environments alone."""
        return [agent for agent in self.scores if agent not in self.ranked]


def suite_scores(record: SuiteRecord) -> SuiteScores:
    """The scores of a record.

    Raises:
        ValueError: no environment can be scored, or no seed is complete.
    """
    seeds = [seed for seed in record.seeds if _complete(record, seed)]
    if not seeds:
        missing = sum(run.outcome == MISSING for run in record.runs)
        raise ValueError(
            f"{str(record.folder)!r} has no seed that is complete: {missing} of {len(record.runs)} runs are missing; "
            "give the same `run` again, which goes on"
        )
    scales: list[Scale] = []
    unscored: dict[str, str] = {}
    for environment in record.environments:
        found = _scale(record, environment, seeds)
        if isinstance(found, Scale):
            scales.append(found)
        else:
            unscored[environment.name] = found
    if not scales:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in unscored.items())
        raise ValueError(f"{str(record.folder)!r} has no environment that can be scored: {reasons}")
    scores: dict[str, dict[str, FloatArray]] = {}
    broken: dict[str, int] = {}
    for agent in record.agents:
        for scale in scales:
            runs = _runs(record, scale.environment.name, agent, seeds)
            if len(runs) == len(seeds):
                own = [_score(run, scale) for run in runs]
                scores.setdefault(agent, {})[scale.environment.name] = np.array(own)
                broken[agent] = broken.get(agent, 0) + sum(run.outcome != FINISHED for run in runs)
    left = tuple(seed for seed in record.seeds if seed not in seeds)
    return SuiteScores(tuple(scales), unscored, tuple(seeds), left, scores, broken)


def _complete(record: SuiteRecord, seed: int) -> bool:
    """Whether all runs of a seed have ended, of every agent and environment that any seed has."""
    asked = {(run.environment, run.agent) for run in record.runs}
    ended = {(run.environment, run.agent) for run in record.runs if run.seed == seed and run.outcome != MISSING}
    return asked == ended


def _scale(record: SuiteRecord, environment: EnvironmentRow, seeds: list[int]) -> Scale | str:
    """The scale of an environment, or why there is none."""
    if not environment.baseline:
        return "its experiment names no baseline"
    runs = _runs(record, environment.name, environment.baseline, seeds)
    values = [run.values[RETURN] for run in runs if RETURN in run.values]
    if not values:
        return f"no run of {environment.baseline}, whose return is the score 0"
    if environment.reference_value is None:
        return "no run tells a reference, whose return is the score 1"
    zero = float(np.mean(values))
    if zero == environment.reference_value:
        return f"its baseline and its reference both earn {zero:g}"
    return Scale(environment, zero, environment.reference_value)


def _runs(record: SuiteRecord, environment: str, agent: str, seeds: list[int]) -> list[RunRow]:
    found = [run for run in record.runs if (run.environment, run.agent) == (environment, agent)]
    return sorted((run for run in found if run.seed in seeds), key=lambda run: run.seed)


def _score(run: RunRow, scale: Scale) -> float:
    if run.outcome != FINISHED:
        return BROKEN_SCORE
    return share_of_distance(run.values[RETURN], scale.zero, scale.one)
