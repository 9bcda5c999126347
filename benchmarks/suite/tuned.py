"""Tuned settings in the suite: those of an agent in a game, beside the rules that hold for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.specs.experiment import Algorithm, Experiment, runs_of, settings_digest
from benchmarks.specs.named import OF_ALGORITHM
from benchmarks.specs.tuned import Tuned

DIGITS = 16
"""Of a digest."""


def game_digest(experiment: Experiment, label: str) -> str:
    """Digest of an agent's run by the suite's rules: settings that were found beside others are of another question."""
    run = next(run for run in runs_of(experiment, (0,)) if run.algorithm.label == label)
    return settings_digest(run.to_config())[:DIGITS]


def tuned_in(experiment: Experiment, label: str, size: str, found: Iterable[Tuned]) -> Tuned | None:
    """Of all tuned settings of an agent those for an environment of a size of the suite; None where there are none, or
    where the run that they changed was another than it is by now."""
    for each in found:
        if (each.place.suite, each.place.environment) == (size, experiment.env_id):
            return each if each.place.game == game_digest(experiment, label) else None
    return None


def with_tuned(algorithm: Algorithm, settings: Mapping[str, Any]) -> Algorithm:
    """The algorithm with these settings besides those that it has."""
    own = dict(settings)
    of_run = {name: own.pop(name) for name in OF_ALGORITHM if name in own}
    return replace(algorithm.with_hyperparameters(own), **of_run)
