"""Trial: an agent with certain settings, trained once for each seed, heard of at every point of its learning curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.evaluation.evaluator import Evaluator
from benchmarks.policies.adapter import ResumableAdapter
from benchmarks.policies.environments import learned_reward
from benchmarks.running.job import adapter_of
from benchmarks.running.training import CurveRecorder, train_at_once, train_in_segments
from benchmarks.specs.experiment import Run
from benchmarks.store.results import Point

Report = Callable[[int, float], None]
"""Hears of a value at a step, 1 and up; may raise to end the trial."""
Trained = Callable[[Run, Callable[[Point], None]], float]


def with_settings(run: Run, settings: Mapping[str, Any]) -> Run:
    """The run with these hyperparameters besides those that it has."""
    return replace(run, algorithm=run.algorithm.with_hyperparameters(settings))


def trained(run: Run, hear: Callable[[Point], None]) -> float:
    """The mean return of final, fresh episodes after training. Nothing is kept.

    Args:
        run: what is trained.
        hear: of each point of the curve; may raise to end the training.

    Raises:
        FloatingPointError: numbers that are not finite.
        Others as the adapter and `Evaluator`.
    """
    adapter = adapter_of(run)
    evaluator = Evaluator(run, learned_reward(adapter.envs))
    recorder = CurveRecorder(run, evaluator, adapter, _untold, hear)
    if isinstance(adapter, ResumableAdapter):
        train_in_segments(adapter, recorder, _not_kept)
    else:
        train_at_once(adapter, recorder)
    return evaluator.finish(adapter).mean_return


def objective(run: Run, seeds: Sequence[int], report: Report, train: Trained = trained) -> float:
    """The mean over seeds of `train`'s value.

    Reported are the points of the first seed's curve but for that before training, at the steps 1 to P, and then the
    mean over the seeds so far, a step for each further seed: where the first seed shows that settings are poor, no
    other is spent on them.
    """
    values: list[float] = []
    heard = 0

    def hear(point: Point) -> None:
        nonlocal heard
        if not values and heard:
            report(heard, point.mean_return)
        heard += 1

    for seed in seeds:
        values.append(train(replace(run, seed=seed), hear))
        if len(values) > 1:
            report(run.evaluation.points + len(values) - 1, sum(values) / len(values))
    return sum(values) / len(values)


def _untold(tokens: int) -> None:
    pass


def _not_kept() -> None:
    pass
