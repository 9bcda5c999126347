"""Experiments of the suite: one for each environment, whose algorithms are the agents that apply to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.specs.experiment import Evaluation, Experiment
from benchmarks.specs.named import agent_names
from benchmarks.specs.tuned import FOLDER, Tuned, settings_of
from benchmarks.suite.applicable import BASELINE, applicable, label_of
from benchmarks.suite.games import Game, games, left_out
from benchmarks.suite.sizes import SuiteSize
from benchmarks.suite.tuned import tuned_in, with_tuned

PREFIX = "suite-"
"""Of the folder that a size's experiments lie in."""
UNTUNED = "-untuned"
"""End of its name where every agent has its defaults."""


@dataclass(frozen=True)
class Part:
    """Environment of a suite with its agents.

    Attributes:
        experiment: of all agents that apply.
        refused: name of another agent -> why it does not apply.
        tuned: label of an agent -> the settings that were found for it here, which the experiment has.
    """

    experiment: Experiment
    refused: Mapping[str, str]
    tuned: Mapping[str, Tuned] = field(default_factory=dict)


def suite_parts(size: SuiteSize, tuned: Path | None = FOLDER, agents: Sequence[str] | None = None) -> list[Part]:
    """The experiments of a size: each environment is made, and each agent for it.

    Args:
        size: of the suite.
        tuned: the folder of tuned settings; None: every agent has its defaults by the suite's rules.
        agents: names, as `agent_names` has them; None for all.

    Raises:
        benchmarks.specs.tuned.SettingsRefused: a file of tuned settings cannot be read.
    """
    names = agent_names() if agents is None else agents
    found = {name: () if tuned is None else settings_of(name, tuned) for name in names}
    return [_part(game, size, found) for game in games(size)]


def suite_facts(size: SuiteSize, parts: Sequence[Part], tuned: bool = True) -> dict[str, Any]:
    """Facts that a leaderboard says of its suite beside the runs, plain JSON: the size, its environments, and why
    the other ids and agents are not among them."""
    return {
        "command": f"python -m benchmarks run suite --size {size.name} --jobs 1{'' if tuned else ' --untuned'}",
        "size": size.name,
        "description": size.description,
        "tokens": size.tokens,
        "seeds": list(size.seeds),
        "tuned": {part.experiment.name: {label: each.in_words for label, each in part.tuned.items()} for part in parts},
        "episodes": size.evaluation.final_episodes,
        "environments": [part.experiment.name for part in parts],
        "left_out": left_out(size),
        "refused": {part.experiment.name: dict(part.refused) for part in parts},
    }


def _part(game: Game, size: SuiteSize, settings: Mapping[str, Sequence[Tuned]]) -> Part:
    found = applicable(game, size.tokens, list(settings))
    # A suite without the agent that scores are counted from has no scores.
    baseline = BASELINE if BASELINE in settings else ""
    experiment = Experiment(
        name=game.name,
        description=f"suite, {size.name}: every agent that applies to {game.env_id}",
        env_id=game.env_id,
        env_kwargs=game.kwargs,
        algorithms=found.algorithms,
        seeds=size.seeds,
        evaluation=_evaluation(game, size.evaluation),
        baseline=baseline,
        goal="data",
    )
    labels = {each.label for each in found.algorithms}
    tuned = {}
    for name, of_agent in settings.items():
        label = label_of(name)
        own = tuned_in(experiment, label, size.name, of_agent) if label in labels else None
        if own is not None:
            tuned[label] = own
    algorithms = [
        with_tuned(each, tuned[each.label].settings) if each.label in tuned else each for each in found.algorithms
    ]
    return Part(replace(experiment, algorithms=tuple(algorithms)), found.refused, tuned)


def _evaluation(game: Game, evaluation: Evaluation) -> Evaluation:
    if not game.measured_on:
        return evaluation
    return replace(evaluation, env_id=game.measured_on, env_kwargs=dict(game.measured_kwargs or {}))
