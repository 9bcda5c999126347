"""Agents of finished runs, loaded from an experiment's folder to be looked at again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.decoding.next_tokens import NextTokens
from benchmarks.analysis.load import Record, collect, experiment_folders
from benchmarks.policies.environments import made_environment
from benchmarks.policies.kept_run import kept_agent
from benchmarks.specs.experiment import IMPORTED
from benchmarks.store.run_folder import AGENT, CONFIG
from textgen_env import text_game
from textgen_env.registries import names_alone


@dataclass(frozen=True)
class FinishedAgent:
    """Agent of a finished run, in the environment that its final evaluation was played in.

    Attributes:
        label: of the algorithm.
        seed: of the run.
        agent: as it was at the end.
        env: a single environment of the game.
        next_tokens: the agent's probabilities in that game.
        kept_back: how many of the last test texts points of its curve were chosen by.
    """

    label: str
    seed: int
    agent: Any
    env: Any
    next_tokens: NextTokens
    kept_back: int


@dataclass(frozen=True)
class FinishedRuns:
    """Runs of one experiment whose agents say how likely their next tokens are.

    Attributes:
        folder: of the experiment.
        name: of the experiment.
        labels: of the algorithms asked for, in the experiment's order.
        agents: by algorithm and seed.
        left_out: what was not loaded, and why, a sentence each.
    """

    folder: Path
    name: str
    labels: tuple[str, ...]
    agents: tuple[FinishedAgent, ...]
    left_out: tuple[str, ...]


def finished_runs(
    folder: Path, only: Sequence[str] = (), without: Callable[[str], bool] = lambda agent: False, trust: bool = False
) -> FinishedRuns:
    """The finished agents in an experiment's folder. What cannot be looked at is left out, and named: unfinished runs,
    imported ones, agents without probabilities, and, without `trust`, runs that name import paths.

    Args:
        folder: of one experiment's results.
        only: labels of algorithms; all if empty.
        without: whether an agent of this registered name is left out, where `only` is empty.
        trust: whether import paths in the runs' settings are followed.

    Raises:
        ValueError: no folder of one experiment, no such label, or nothing left.
    """
    found = experiment_folders(folder)
    if len(found) > 1:
        raise ValueError(f"DIR={str(folder)!r} holds several experiments: give one, such as {str(found[0])!r}")
    collected = collect(found[0])
    labels = [each.label for each in collected.algorithms]
    for label in only:
        if label not in labels:
            raise ValueError(f"--only {label!r} is no algorithm of {collected.name}; there are {', '.join(labels)}")
    loader = _Loader(trust)
    agents: list[FinishedAgent] = []
    left_out: list[str] = []
    chosen = [each for each in collected.algorithms if not only or each.label in only]
    for algorithm in chosen:
        named = (algorithm.config or {}).get("algorithm")
        if not only and isinstance(named, Mapping) and without(str(named.get("agent"))):
            continue
        for record in algorithm.records:
            try:
                agents.append(loader.load(collected.folder.parent / record.name, algorithm.label, record))
            except (ValueError, TypeError, OSError) as error:
                left_out.append(f"{record.name} is left out: {error}")
    if not agents:
        told = "; ".join(left_out) or "it has no runs"
        raise ValueError(f"DIR={str(folder)!r}: no agent of {collected.name} can be looked at: {told}")
    kept = tuple(dict.fromkeys(each.label for each in agents))
    return FinishedRuns(collected.folder, collected.name, kept, tuple(agents), tuple(left_out))


class _Loader:
    """Loader of finished runs, which makes each environment once."""

    def __init__(self, trust: bool) -> None:
        self.trust = trust
        self.made: dict[str, Any] = {}

    def load(self, run: Path, label: str, record: Record) -> FinishedAgent:
        config = record.state.config
        if record.state.result is None or config is None:
            raise ValueError(f"it is {record.outcome}")
        algorithm = config.get("algorithm")
        if isinstance(algorithm, Mapping) and algorithm.get("kind") == IMPORTED:
            raise ValueError("it was imported, and there is no agent")
        if not (run / AGENT).is_file():
            raise ValueError(f"it holds no {AGENT}")
        agent = kept_agent(run, config, self.trust)
        with nullcontext() if self.trust else names_alone(run / CONFIG):
            env = self._environment(config)
            next_tokens = NextTokens(agent, text_game(env))
        evaluation = config.get("evaluation")
        kept_back = evaluation.get("validation_texts", 0) if isinstance(evaluation, Mapping) else 0
        if not isinstance(evaluation, Mapping) or not evaluation.get("validation") or not isinstance(kept_back, int):
            kept_back = 0
        return FinishedAgent(label, record.seed, agent, env, next_tokens, max(0, kept_back))

    def _environment(self, config: Mapping[str, Any]) -> Any:
        evaluation = config.get("evaluation")
        own = isinstance(evaluation, Mapping) and evaluation.get("env_id") is not None
        where = evaluation if own and isinstance(evaluation, Mapping) else config
        env_id, kwargs = where.get("env_id"), where.get("env_kwargs", {})
        if not isinstance(env_id, str) or not isinstance(kwargs, Mapping):
            raise ValueError(f"its settings name no environment: env_id={env_id!r}, env_kwargs={kwargs!r}")
        key = json.dumps([env_id, kwargs], sort_keys=True, default=str)
        if key not in self.made:
            self.made[key] = made_environment(env_id, kwargs, self.trust)
        return self.made[key]
