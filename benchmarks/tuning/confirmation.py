"""Confirmation: the best trials told apart on seeds that the search has not seen, and the one selected compared with
the agent's own settings on others again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.analysis.significance import welch_interval
from benchmarks.running.executor import Event
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Evaluation, Experiment, Run, runs_of
from benchmarks.specs.reserved_seeds import FRESH, SELECTED
from benchmarks.store.run_folder import read_state
from benchmarks.tuning.study import Tried

DEFAULT = "default"
SELECTION, COMPARISON = "selection", "fresh"
"""Experiments in a study's folder."""
Notify = Callable[[str], None]


class NotDone(ValueError):
    """Error: runs that the comparison rests on were not done, by no fault of their settings."""


@dataclass(frozen=True)
class Comparison:
    """Comparison on fresh seeds: mean returns of final episodes, one a run that did not fail.

    Attributes:
        default: of the agent's own settings.
        tuned: of those that were selected.
        asked: seeds.
    """

    default: tuple[float, ...]
    tuned: tuple[float, ...]
    asked: int

    @property
    def difference(self) -> float:
        """Tuned minus default, of the means; NaN where there are no runs of one."""
        if not self.default or not self.tuned:
            return float("nan")
        return sum(self.tuned) / len(self.tuned) - sum(self.default) / len(self.default)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Welch's 95% interval of the difference; None with fewer than two runs of one."""
        if min(len(self.default), len(self.tuned)) < 2:
            return None
        # Where no run differs from another there is nothing to be unsure of.
        return welch_interval(self.tuned, self.default) or (self.difference, self.difference)

    @property
    def won(self) -> bool:
        """Whether the whole interval lies above 0, and no run of the tuned settings failed."""
        return len(self.tuned) == self.asked and self.interval is not None and self.interval[0] > 0

    @property
    def verdict(self) -> str:
        """ "won", "lost" where the whole interval lies below 0 or a tuned run failed, else "no difference shown"."""
        if self.won:
            return "won"
        below = self.interval is not None and self.interval[1] < 0
        return "lost" if below or len(self.tuned) < self.asked else "no difference shown"


def best_of(tried: Sequence[Tried], defaults: Mapping[str, Any], count: int) -> list[Tried]:
    """The best trials that were not pruned, whose settings differ from the defaults and from one another."""
    found: list[Tried] = []
    whole = [each for each in tried if each.value is not None]
    for each in sorted(whole, key=lambda each: (-(each.value or 0.0), each.number)):
        if each.settings != dict(defaults) and all(each.settings != other.settings for other in found):
            found.append(each)
    return found[:count]


def selected(folder: Path, run: Run, best: Sequence[Tried], seeds: int, jobs: int, notify: Notify) -> Tried:
    """The best of a few trials by their means on `seeds` seeds of `SELECTED`; one of which a run failed comes last."""
    if len(best) == 1:
        return best[0]
    labels = {f"trial-{each.number}": each.settings for each in best}
    found = _returns(folder, SELECTION, run, labels, SELECTED[:seeds], jobs, notify)

    def rank(each: Tried) -> tuple[bool, float]:
        returns = found[f"trial-{each.number}"]
        return len(returns) == seeds, sum(returns) / len(returns) if returns else float("-inf")

    return max(best, key=rank)


def compared(folder: Path, run: Run, chosen: Tried, seeds: int, jobs: int, notify: Notify) -> Comparison:
    """The settings that were selected beside the agent's own, on `seeds` seeds of `FRESH`."""
    label = f"trial-{chosen.number}"
    labels: dict[str, Mapping[str, Any]] = {DEFAULT: {}, label: chosen.settings}
    found = _returns(folder, COMPARISON, run, labels, FRESH[:seeds], jobs, notify)
    return Comparison(found[DEFAULT], found[label], seeds)


def _returns(
    folder: Path,
    name: str,
    run: Run,
    labels: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    jobs: int,
    notify: Notify,
) -> dict[str, tuple[float, ...]]:
    """Label -> the final mean returns of the runs that did not fail; what is there already is kept.

    Raises:
        NotDone: the machine failed runs.
    """
    experiment = Experiment(
        name=name,
        description=f"{run.algorithm.agent} on {run.env_id}: {', '.join(labels)}",
        env_id=run.env_id,
        env_kwargs=run.env_kwargs,
        algorithms=tuple(
            replace(run.algorithm.with_hyperparameters(settings), label=label) for label, settings in labels.items()
        ),
        seeds=tuple(seeds),
        evaluation=_evaluation(run.evaluation),
        goal="data",
    )

    def listen(event: Event) -> None:
        if event.kind in ("finished", "failed"):
            notify(f"{event.run.name} {event.kind}{f': {event.message}' if event.message else ''}")

    run_experiment(experiment, folder, jobs, listen, notify=notify, device=run.device)
    found: dict[str, list[float]] = {label: [] for label in labels}
    for each in runs_of(experiment, device=run.device):
        state = read_state(folder / each.name)
        if state.status == "unfinished" or state.status == "not started":
            raise NotDone(f"{each.name} was not done; the same command goes on with it")
        if state.result is not None:
            found[each.algorithm.label].append(state.result.mean_return)
    return {label: tuple(values) for label, values in found.items()}


def _evaluation(evaluation: Evaluation) -> Evaluation:
    """With a short curve, and twice as many episodes at the end."""
    return replace(evaluation, points=2, episodes=64, final_episodes=2 * evaluation.final_episodes)
