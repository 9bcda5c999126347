"""Evaluator of policies, the same for every kind of them: the texts to measure by, the episodes, the measures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agents.data.episodes import EvaluatedTexts, evaluate
from benchmarks.measures.measured import Measured
from benchmarks.measures.measures import VALIDATIONS, estimates, finite, validated
from benchmarks.policies.adapter import PolicyAdapter
from benchmarks.policies.environments import make_envs
from benchmarks.specs.experiment import Run
from benchmarks.store.results import Measurement, Point
from textgen_env import Task, Texts, text_game
from textgen_env.metrics import Estimate

# Evaluation plays in environments of its own, whose seeds lie apart from those of training.
SEED_STRIDE = 1_000_000
MAX_EVALUATION_ENVS = 256


@dataclass(frozen=True)
class Final:
    """Final evaluation: what was played, what may be measured of it, what was, and why the rest was not."""

    played: EvaluatedTexts
    measured: Measured
    estimates: dict[str, Estimate]
    reasons: dict[str, str]

    @property
    def mean_return(self) -> float:
        """Over its episodes."""
        return finite("the final return", float(self.played.returns.mean()))

    @property
    def values(self) -> dict[str, float]:
        """Of the measures."""
        return {name: estimate.value for name, estimate in self.estimates.items()}

    @property
    def errors(self) -> dict[str, float]:
        """Of those that have a standard error."""
        return {name: each.error for name, each in self.estimates.items() if math.isfinite(each.error)}

    def at(self, point: Point) -> Measurement:
        """The same as what was measured of a point of the curve."""
        return Measurement(point, self.mean_return, self.values, self.errors)


class Evaluator:
    """Evaluator of one run: plays evaluation episodes and measures them. A reward that learns scores them as it stands,
    and learns nothing from them.

    Args:
        run: whose seed the episodes' seeds are derived from.
        learned: the reward that learns in the run's environments, if one does: it pays in those of the evaluation, too,
            unless that names another environment.

    Raises:
        ValueError: settings of the evaluation that the task cannot meet.
    """

    def __init__(self, run: Run, learned: object = None) -> None:
        self.settings = settings = run.evaluation
        self.seed = SEED_STRIDE * (run.seed + 1)
        self.masked = run.algorithm.masked
        kwargs = settings.env_kwargs
        if settings.env_id is None:
            kwargs = run.env_kwargs if learned is None else {**run.env_kwargs, "reward": learned}
        count = min(MAX_EVALUATION_ENVS, settings.final_episodes)
        self.envs = make_envs(settings.env_id or run.env_id, count, kwargs, run.device)
        self.game = text_game(self.envs)
        self.task = self.game.task
        self.test_texts = texts_to_test_on(self.task, settings.test_texts, settings.kept_for_validation)
        self._validation_texts = (
            texts_to_validate_on(self.task, settings.validation_texts) if settings.validation else None
        )

    def play(self, adapter: PolicyAdapter, episodes: int, offset: int = 0) -> EvaluatedTexts:
        """`episodes` texts of the policy as it stands, drawn rather than taken greedily."""
        seed = self.seed + offset
        with adapter.drawing(seed):
            return evaluate(adapter.predict, self.envs, episodes, seed=seed, masked=self.masked)

    def look(self, adapter: PolicyAdapter, spent: int) -> tuple[float, dict[str, float]]:
        """The mean return after `spent` tokens, and what else is measured at a point of the curve.

        Raises:
            FloatingPointError: one that is not finite.
        """
        played = self.play(adapter, self.settings.episodes)
        mean_return = finite(f"the return after {spent} tokens", float(played.returns.mean()))
        measures = {}
        if self.game.reward.name == "likelihood":
            # The return is the oracle's log-likelihood of the text.
            measures["nll_oracle"] = -mean_return / float(played.texts.lengths.mean())
        if self.settings.validation:
            name = VALIDATIONS[self.settings.validation].name
            measured = self._measured(adapter, played, self._validation_texts)
            found, _ = estimates((name,), measured)
            measures |= {validated(self.settings.validation): each.value for each in found.values()}
        return mean_return, measures

    def finish(self, adapter: PolicyAdapter) -> Final:
        """The final evaluation: fresh episodes, the same for every policy of the run."""
        played = self.play(adapter, self.settings.final_episodes, SEED_STRIDE // 2)
        measured = self._measured(adapter, played, self.test_texts)
        return Final(played, measured, *estimates(self.settings.measures, measured))

    def _measured(self, adapter: PolicyAdapter, played: EvaluatedTexts, held_out: Texts | None) -> Measured:
        return Measured(adapter, played.texts, self.task, held_out, self.envs)


def best_point(points: Sequence[Point], validation: str) -> int | None:
    """Which point is best by validation, the first of equals; None where none was validated."""
    name = validated(validation)
    found = {number: point.measures[name] for number, point in enumerate(points) if name in point.measures}
    if not found:
        return None
    return (min if VALIDATIONS[validation].better == "lower" else max)(found, key=lambda number: found[number])


def texts_to_test_on(task: Task, count: int, kept_back: int = 0) -> Texts | None:
    """The first `count` texts of the task's test data without its last `kept_back`; None if it has none.

    Raises:
        ValueError: nothing would be left.
    """
    texts = _all_test_texts(task)
    if texts is None:
        return None
    return _rows(texts, slice(min(count, _left(texts, kept_back))))


def texts_to_validate_on(task: Task, count: int) -> Texts | None:
    """The last `count` texts of the task's test data; None if it has none.

    Raises:
        ValueError: nothing would be left to test on.
    """
    texts = _all_test_texts(task)
    return None if texts is None else _rows(texts, slice(_left(texts, count), None))


def _all_test_texts(task: Task) -> Texts | None:
    try:
        return task.test_sequences()
    except ValueError:
        return None


def _left(texts: Texts, kept_back: int) -> int:
    left = len(texts.tokens) - kept_back
    if left < 1:
        raise ValueError(
            f"validation_texts={kept_back} leaves nothing of the task's {len(texts.tokens)} test texts to test on; "
            "lower it, or have the task make more"
        )
    return left


def _rows(texts: Texts, rows: slice) -> Texts:
    return Texts(texts.tokens[rows], texts.lengths[rows], None if texts.sources is None else texts.sources[rows])
