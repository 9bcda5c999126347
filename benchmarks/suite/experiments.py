"""Experiments of the suite: one for each environment, whose algorithms are the agents that apply to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.specs.experiment import Evaluation, Experiment
from benchmarks.suite.applicable import BASELINE, applicable
from benchmarks.suite.games import Game, games
from benchmarks.suite.sizes import SuiteSize

PREFIX = "suite-"
"""Of the folder that a size's experiments lie in."""


def suite_experiments(size: SuiteSize) -> Iterator[Experiment]:
    """The experiments of a size, one after another: each environment is made, and each agent for it."""
    for game in games(size):
        yield Experiment(
            name=game.name,
            description=f"suite, {size.name}: every agent that applies to {game.env_id}",
            env_id=game.env_id,
            env_kwargs=game.kwargs,
            algorithms=applicable(game, size.tokens).algorithms,
            seeds=size.seeds,
            evaluation=_evaluation(game, size.evaluation),
            baseline=BASELINE,
            goal="data",
        )


def _evaluation(game: Game, evaluation: Evaluation) -> Evaluation:
    if not game.measured_on:
        return evaluation
    return replace(evaluation, env_id=game.measured_on, env_kwargs=dict(game.measured_kwargs or {}))
