"""Studies of the suite: for each agent in each of its environments a search, beside the settings of its rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.policies.environments import made_environment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, runs_of
from benchmarks.specs.named import agent_names
from benchmarks.specs.reserved_seeds import FRESH, SEARCHED
from benchmarks.specs.settings import no_such
from benchmarks.specs.tuned import FOLDER, Place
from benchmarks.suite.applicable import label_of
from benchmarks.suite.experiments import suite_parts
from benchmarks.suite.games import games
from benchmarks.suite.sizes import SuiteSize
from benchmarks.suite.tuned import game_digest
from benchmarks.tuning.plan import Notify, Plan, StudyInUse, carry_out
from benchmarks.tuning.space import defaults_of, including, space_of
from benchmarks.tuning.study import Search
from benchmarks.tuning.trial import Trained, trained

POINTS, EPISODES, FINAL_EPISODES = 4, 64, 256
"""Of the curve that trials are pruned by, and of what they are told apart by."""


@dataclass(frozen=True)
class SuiteTuning:
    """Choices of the searches of a suite, as the options of the command line.

    Attributes:
        size: of the suite.
        agents: names, as `agent_names` has them; () for all that there is something to search of.
        env_ids: of its environments; () for all.
        trials: of each search.
        best: trials that are told apart on seeds of their own.
        fresh: seeds of the comparison with the settings of the suite's rules.
        out: the folder of studies.
        into: the folder of tuned settings.
        replacing: whether settings that are there may be replaced.
    """

    size: SuiteSize
    agents: tuple[str, ...] = ()
    env_ids: tuple[str, ...] = ()
    trials: int = 16
    best: int = 2
    fresh: int = 5
    out: Path = Path("runs/tuning-suite")
    into: Path = FOLDER
    replacing: bool = False

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("best", 1), ("fresh", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} {getattr(self, name)} must be at least {least}")
        if self.fresh > len(FRESH):
            raise ValueError(f"--fresh {self.fresh} must be at most {len(FRESH)}")
        ids = [game.env_id for game in games(self.size)]
        for option, given, allowed in (("agent", self.agents, agent_names()), ("env", self.env_ids, ids)):
            for each in given:
                if each not in allowed:
                    raise ValueError(f"--{option} {each!r} {no_such(each, allowed)}")

    def command_of(self, agent: str, env_id: str) -> str:
        """That does the search of one agent in one environment again."""
        words = ["python", "-m", "benchmarks", "tune-suite", "--size", self.size.name, "--agent", agent]
        words += ["--env", env_id]
        for name in ("trials", "best", "fresh"):
            words += [f"--{name}", str(getattr(self, name))]
        return shlex.join(words)


def tune_suite(asked: SuiteTuning, notify: Notify, date: str, train: Trained = trained) -> list[str]:
    """Does the studies that are left, one after another; what another process searches is left to it.

    Args:
        asked: which.
        notify: hears, in words, of what is done.
        date: of today, which is kept.
        train: as `benchmarks.tuning.trial.trained`.

    Returns:
        What is left to others, by the names of the studies.

    Raises:
        ValueError: nothing to search; or as `carry_out`.
    """
    left = []
    plans = list(suite_plans(asked))
    if not plans:
        raise ValueError("nothing is to be searched: these agents have no settings, or apply to none of these games")
    for number, plan in enumerate(plans, 1):
        name = plan.folder.name
        notify(f"{name}, {number} of {len(plans)}")
        try:
            carry_out(plan, notify, date, train)
        except StudyInUse:
            notify(f"{name} is left to another process, which searches there")
            left.append(name)
    return left


def suite_plans(asked: SuiteTuning) -> Iterator[Plan]:
    """The plans of the studies, agent by agent.

    Raises:
        ValueError: an agent that was asked for has nothing to search.
    """
    names = list(asked.agents) or [name for name in agent_names() if _searchable(name)]
    parts = suite_parts(asked.size, None, names)
    for agent in names:
        for part in parts:
            applies = any(each.label == label_of(agent) for each in part.experiment.algorithms)
            if applies and part.experiment.env_id in (asked.env_ids or (part.experiment.env_id,)):
                yield _plan(asked, agent, part.experiment)


def _plan(asked: SuiteTuning, agent: str, experiment: Experiment) -> Plan:
    label = label_of(agent)
    algorithm = next(each for each in experiment.algorithms if each.label == label)
    return Plan(
        agent,
        _search(asked, agent, experiment, algorithm),
        Place(experiment.env_id, suite=asked.size.name, game=game_digest(experiment, label)),
        asked.out.absolute() / f"{experiment.name}-{label}",
        asked.command_of(agent, experiment.env_id),
        {},
        asked.best,
        asked.fresh,
        asked.into,
        asked.replacing,
        jobs=0,
    )


def _search(asked: SuiteTuning, agent: str, experiment: Experiment, algorithm: Algorithm) -> Search:
    alone = replace(experiment, algorithms=(algorithm,), baseline="", evaluation=_evaluation(experiment.evaluation))
    run = runs_of(alone, (SEARCHED.start,))[0]
    task = made_environment(run.env_id, run.env_kwargs).unwrapped.task
    space = space_of(agent, {}, task.sources is not None, asked.size.tokens)
    own: dict[str, Any] = {**defaults_of(agent, space), **algorithm.hyperparameters}
    # The rules of the suite are no worse for lying outside of a range that was drawn for other budgets.
    wide = {name: including(span, own[name]) for name, span in space.items()}
    return Search(run, wide, {name: own[name] for name in space}, (SEARCHED.start,), asked.trials)


def _evaluation(evaluation: Evaluation) -> Evaluation:
    return replace(evaluation, points=POINTS, episodes=EPISODES, final_episodes=FINAL_EPISODES, measures=())


def _searchable(agent: str) -> bool:
    try:
        space_of(agent, {}, False)
    except ValueError:
        return False
    return True
