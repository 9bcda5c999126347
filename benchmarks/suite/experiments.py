"""Experiments of the suite: one for each environment, whose algorithms are the agents that apply to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.specs.experiment import Evaluation, Experiment
from benchmarks.suite.applicable import BASELINE, applicable
from benchmarks.suite.games import Game, games, left_out
from benchmarks.suite.sizes import SuiteSize

PREFIX = "suite-"
"""Of the folder that a size's experiments lie in."""


@dataclass(frozen=True)
class Part:
    """Environment of a suite with its agents.

    Attributes:
        experiment: of all agents that apply.
        refused: name of another agent -> why it does not apply.
    """

    experiment: Experiment
    refused: Mapping[str, str]


def suite_parts(size: SuiteSize) -> list[Part]:
    """The experiments of a size: each environment is made, and each agent for it."""
    return [_part(game, size) for game in games(size)]


def suite_facts(size: SuiteSize, parts: Sequence[Part]) -> dict[str, Any]:
    """Facts that a leaderboard says of its suite beside the runs, plain JSON: the size, its environments, and why
    the other ids and agents are not among them."""
    return {
        "command": f"python -m benchmarks run suite --size {size.name} --jobs 1",
        "size": size.name,
        "description": size.description,
        "tokens": size.tokens,
        "seeds": list(size.seeds),
        "episodes": size.evaluation.final_episodes,
        "environments": [part.experiment.name for part in parts],
        "left_out": left_out(size),
        "refused": {part.experiment.name: dict(part.refused) for part in parts},
    }


def _part(game: Game, size: SuiteSize) -> Part:
    found = applicable(game, size.tokens)
    experiment = Experiment(
        name=game.name,
        description=f"suite, {size.name}: every agent that applies to {game.env_id}",
        env_id=game.env_id,
        env_kwargs=game.kwargs,
        algorithms=found.algorithms,
        seeds=size.seeds,
        evaluation=_evaluation(game, size.evaluation),
        baseline=BASELINE,
        goal="data",
    )
    return Part(experiment, found.refused)


def _evaluation(game: Game, evaluation: Evaluation) -> Evaluation:
    if not game.measured_on:
        return evaluation
    return replace(evaluation, env_id=game.measured_on, env_kwargs=dict(game.measured_kwargs or {}))
