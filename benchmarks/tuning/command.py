"""Search from the command line: trials, selection, comparison on fresh seeds, and what is written of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import textgen_env
from benchmarks.policies.environments import made_environment
from benchmarks.specs.experiment import Experiment, Run, runs_of
from benchmarks.specs.question import Question, experiment_of
from benchmarks.specs.reserved_seeds import FRESH, SEARCHED, SELECTED
from benchmarks.specs.settings import parsed_settings
from benchmarks.specs.tuned import FOLDER, Tuned, settings_file
from benchmarks.store.lease import Lease, LeaseLost
from benchmarks.store.leases import Leases
from benchmarks.store.results import Point
from benchmarks.store.run_folder import write_text
from benchmarks.tuning.confirmation import Comparison, best_of, compared, selected
from benchmarks.tuning.outcome import write_outcome
from benchmarks.tuning.space import defaults_of, space_of
from benchmarks.tuning.study import Search, Tried, searched
from benchmarks.tuning.trial import Trained, trained
from benchmarks.tuning.writing import as_toml, write_tuned

CANDIDATE = "settings.toml"
OBJECTIVE = "mean return of final episodes after training, over seeds"
SHORT = ("evaluation.points=10", "evaluation.episodes=128", "evaluation.final_episodes=512", "evaluation.measures=[]")
Notify = Callable[[str], None]


class StudyInUse(ValueError):
    """Error: another process searches in the study's folder."""


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
    """Searches, selects, compares, and writes settings that won; None where no trial was whole.

    Args:
        asked: what is searched for.
        notify: hears, in words, of each trial and run, and of what was written.
        date: of today, which is kept.
        train: as `benchmarks.tuning.trial.trained`.

    Raises:
        ValueError: what `experiment_of`, `space_of` or `searched` refuses; nothing is run then.
        StudyInUse: another process is at it; likewise.
    """
    experiment = experiment_of(_question(asked))
    search = _search(asked, experiment)
    folder = asked.out.absolute() / (asked.name or experiment.name)
    with Leases() as leases:
        lease = leases.claim(folder)
        if lease is None:
            raise StudyInUse(
                f"{folder}: another process searches there. Nothing was run: wait until it has ended, or give another "
                "--name or --out"
            )
        try:
            return _done(asked, experiment, search, folder, notify, date, partial(_held, lease, train))
        except LeaseLost as error:
            raise StudyInUse(f"{error}; it goes on with the search") from None


def _done(
    asked: Tuning, experiment: Experiment, search: Search, folder: Path, notify: Notify, date: str, train: Trained
) -> Comparison | None:
    tried = searched(folder, search, notify, train)
    best = best_of(tried, search.defaults, asked.best)
    if not best:
        notify("no trial with other settings than the agent's own was whole: nothing is compared, nothing written")
        return None
    chosen = selected(folder, search.run, best, selection_seeds(asked), asked.jobs, notify)
    found = compared(folder, search.run, chosen, asked.fresh, asked.jobs, notify)
    notify(in_words(found))
    if found.default and found.tuned:
        tuned = _tuned(asked, experiment, chosen, found, date)
        write_outcome(folder, tuned, tried, found)
        write_text(folder / CANDIDATE, as_toml(asked.agent, [tuned], f"# {in_words(found)}\n"))
        _write(asked, folder, tuned, found, notify)
    return found


def _held(lease: Lease, train: Trained, run: Run, hear: Callable[[Point], None]) -> float:
    """`train`, if the folder is this process's still."""
    lease.check()
    return train(run, hear)


def selection_seeds(asked: Tuning) -> int:
    """Seeds on which the best trials are told apart: a third of those of the comparison, at least 3."""
    return max(3, asked.fresh // 3)


def in_words(found: Comparison) -> str:
    """One line: both means on fresh seeds, their difference, and what it says."""
    means = [f"{_mean(each):.4g}" if each else "none" for each in (found.tuned, found.default)]
    ends = "" if found.interval is None else f", 95% interval {found.interval[0]:.3g} to {found.interval[1]:.3g}"
    failed = found.asked - len(found.tuned)
    return (
        f"on {found.asked} fresh seeds: tuned {means[0]}, default {means[1]}, difference {found.difference:.3g}{ends}: "
        f"{found.verdict}{f' ({failed} of its runs failed)' if failed else ''}"
    )


def _question(asked: Tuning) -> Question:
    given = {each.partition("=")[0].strip() for each in asked.settings}
    short = [each for each in SHORT if each.partition("=")[0] not in given]
    return Question((asked.agent,), asked.env_id, (*short, *asked.settings), asked.tokens)


def _search(asked: Tuning, experiment: Experiment) -> Search:
    run = runs_of(experiment, (SEARCHED.start,), asked.device)[0]
    task = made_environment(experiment.env_id, experiment.env_kwargs).unwrapped.task
    space = space_of(asked.agent, _fixed(asked, experiment), task.sources is not None)
    seeds = tuple(SEARCHED[: asked.seeds])
    return Search(run, space, defaults_of(asked.agent, space), seeds, asked.trials, asked.sampler_seed)


def _fixed(asked: Tuning, experiment: Experiment) -> dict[str, Any]:
    """Settings of the agent that the person has given."""
    label = experiment.algorithms[0].label
    settings = parsed_settings(asked.settings, ["env", "agent", "evaluation", label])
    return {**settings["agent"], **settings[label]}


def _tuned(asked: Tuning, experiment: Experiment, chosen: Tried, found: Comparison, date: str) -> Tuned:
    told = {
        "command": asked.command,
        "objective": OBJECTIVE,
        "trials": asked.trials,
        "tokens": asked.tokens,
        "seeds": f"search {_seeds(SEARCHED, asked.seeds)}, selection {_seeds(SELECTED, selection_seeds(asked))}, "
        f"comparison {_seeds(FRESH, asked.fresh)}",
        "default": _mean(found.default),
        "tuned": _mean(found.tuned),
        "difference": list(found.interval or ()),
        "date": date,
        "version": textgen_env.__version__,
    }
    settings = {**chosen.settings, **_fixed(asked, experiment)}
    return Tuned(asked.agent, experiment.env_id, "", dict(experiment.env_kwargs), settings, told)


def _write(asked: Tuning, folder: Path, tuned: Tuned, found: Comparison, notify: Notify) -> None:
    if not found.won:
        notify(f"nothing is written: the settings have not won; they stand in {folder / CANDIDATE}")
        return
    path = settings_file(asked.agent, asked.into)
    there = write_tuned(tuned, asked.into, asked.replacing)
    if there is None:
        notify(f"written: {path}")
    else:
        notify(
            f"not written: {path} holds settings for {asked.env_id} already ({there.in_words}: tuned "
            f"{there.found['tuned']:.4g}, default {there.found['default']:.4g}); the same command with --replace puts "
            f"these in their place; they stand in {folder / CANDIDATE}"
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _seeds(reserved: range, count: int) -> str:
    return f"{reserved.start}-{reserved.start + count - 1}"
