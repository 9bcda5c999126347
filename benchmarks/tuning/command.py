"""Search from the command line: the choices of a person, made into the plan of a study."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.policies.environments import made_environment
from benchmarks.specs.experiment import Experiment, runs_of
from benchmarks.specs.question import Question, experiment_of
from benchmarks.specs.reserved_seeds import SEARCHED
from benchmarks.specs.settings import parsed_settings
from benchmarks.specs.tuned import FOLDER, Place
from benchmarks.tuning.confirmation import Comparison
from benchmarks.tuning.plan import Notify, Plan, carry_out
from benchmarks.tuning.space import defaults_of, space_of
from benchmarks.tuning.study import Search
from benchmarks.tuning.trial import Trained, trained

SHORT = ("evaluation.points=10", "evaluation.episodes=128", "evaluation.final_episodes=512", "evaluation.measures=[]")


@dataclass(frozen=True)
class Tuning:
    """Choices of a search, as the options of the command line.

    Attributes:
        agent: as `agent_names` has it.
        env_id: of a registered environment.
        settings: "env.NAME=VALUE" and so on, as `Question`; those of the agent are not searched.
        tokens: of training, each run's.
        trials: of the search.
        seeds: of each trial.
        best: trials that are told apart on seeds of their own.
        fresh: seeds of the comparison with the defaults.
        sampler_seed: of the search.
        name: of the study's folder below `out`; "" for one made of environment and agent.
        out: the folder of studies.
        into: the folder of tuned settings.
        replacing: whether settings that are there may be replaced.
        jobs: runs at a time after the search.
        device: of torch's.
    """

    agent: str
    env_id: str
    settings: tuple[str, ...] = ()
    tokens: int = 50_000
    trials: int = 50
    seeds: int = 2
    best: int = 3
    fresh: int = 10
    sampler_seed: int = 0
    name: str = ""
    out: Path = Path("runs/tuning")
    into: Path = FOLDER
    replacing: bool = False
    jobs: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("seeds", 1), ("best", 1), ("fresh", 2), ("sampler_seed", 0), ("jobs", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} {getattr(self, name)} must be at least {least}")
        for name in ("seeds", "fresh"):
            if getattr(self, name) > len(SEARCHED):
                raise ValueError(f"--{name} {getattr(self, name)} must be at most {len(SEARCHED)}")

    @property
    def command(self) -> str:
        """That does the same search again."""
        words = ["python", "-m", "benchmarks", "tune", "--agent", self.agent, "--env", self.env_id]
        for each in self.settings:
            words += ["--set", each]
        for name in ("tokens", "trials", "seeds", "best", "fresh"):
            words += [f"--{name}", str(getattr(self, name))]
        return shlex.join(words + (["--seed", str(self.sampler_seed)] if self.sampler_seed else []))


def tune(asked: Tuning, notify: Notify, date: str, train: Trained = trained) -> Comparison | None:
    """Does the study that is asked for, as `benchmarks.tuning.plan.carry_out`.

    Args:
        asked: what is searched for.
        notify, date, train: as there.

    Raises:
        ValueError: what `plan_of` or `carry_out` refuses; nothing is run then.
        benchmarks.tuning.plan.StudyInUse: another process is at it; likewise.
    """
    return carry_out(plan_of(asked), notify, date, train)


def plan_of(asked: Tuning) -> Plan:
    """The plan of a study.

    Raises:
        ValueError: what `experiment_of` or `space_of` refuses.
    """
    experiment = experiment_of(_question(asked))
    fixed = _fixed(asked, experiment)
    return Plan(
        asked.agent,
        _search(asked, experiment, fixed),
        Place(environment=experiment.env_id, arguments=dict(experiment.env_kwargs)),
        asked.out.absolute() / (asked.name or experiment.name),
        asked.command,
        fixed,
        asked.best,
        asked.fresh,
        asked.into,
        asked.replacing,
        asked.jobs,
    )


def _question(asked: Tuning) -> Question:
    given = {each.partition("=")[0].strip() for each in asked.settings}
    short = [each for each in SHORT if each.partition("=")[0] not in given]
    return Question((asked.agent,), asked.env_id, (*short, *asked.settings), asked.tokens)


def _search(asked: Tuning, experiment: Experiment, fixed: dict[str, Any]) -> Search:
    run = runs_of(experiment, (SEARCHED.start,), asked.device)[0]
    task = made_environment(experiment.env_id, experiment.env_kwargs).unwrapped.task
    space = space_of(asked.agent, fixed, task.sources is not None)
    seeds = tuple(SEARCHED[: asked.seeds])
    return Search(run, space, defaults_of(asked.agent, space), seeds, asked.trials, asked.sampler_seed)


def _fixed(asked: Tuning, experiment: Experiment) -> dict[str, Any]:
    """Settings of the agent that the person has given."""
    label = experiment.algorithms[0].label
    settings = parsed_settings(asked.settings, ["env", "agent", "evaluation", label])
    return {**settings["agent"], **settings[label]}
