"""Study: the trials of a search, one after another; one that was interrupted goes on as if it had never been."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from benchmarks.specs.experiment import Run
from benchmarks.specs.file_digests import FILES
from benchmarks.store.provenance import DECISIVE, versions
from benchmarks.store.run_folder import config_differences, read_sealed, write_sealed
from benchmarks.tuning.journal import BEGIN_ANEW, JOURNAL, keep, opened_study
from benchmarks.tuning.space import Range, as_json
from benchmarks.tuning.trial import Trained, objective, trained, with_settings
from textgen_env.files import DamagedFile

SEARCH = "study.json"
AT_RANDOM = 8
"""Trials before the sampler learns from them; the first has the agent's own settings."""
SETTINGS, DIVERGED = "settings", "diverged"
Notify = Callable[[str], None]


class OtherStudy(ValueError):
    """Error: the study in a folder is of another search."""


@dataclass(frozen=True)
class Search:
    """Search: what is searched for, and how.

    Attributes:
        run: that each trial does, with the settings that are not searched; its seed stands for those below.
        space: argument -> range.
        defaults: the agent's own values of these arguments; the first trial's.
        seeds: of every trial.
        trials: in all.
        sampler_seed: of the search.
    """

    run: Run
    space: Mapping[str, Range]
    defaults: Mapping[str, Any]
    seeds: tuple[int, ...]
    trials: int
    sampler_seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """All that two searches may differ in but for the number of trials: one may be gone on with."""
        here = versions()
        return {
            "run": self.run.to_config(),
            "space": as_json(self.space),
            "defaults": dict(self.defaults),
            "seeds": list(self.seeds),
            "sampler": {"name": "TPE", "seed": self.sampler_seed, "at_random": AT_RANDOM},
            "pruner": "median, from the curve's middle",
            "versions": {name: here[name] for name in DECISIVE if name in here},
        }


class Given(BaseSampler):
    """Sampler that chooses values that are given by name."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: each value is chosen by itself."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """None, likewise."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of that name."""
        return self.values[param_name]


@dataclass(frozen=True)
class Tried:
    """Trial that has ended: its number among those that have, its settings, its value (None where it was pruned), how
    many values were reported, and whether it diverged."""

    number: int
    settings: dict[str, Any]
    value: float | None
    steps: int
    diverged: bool = False


def searched(folder: Path, search: Search, notify: Notify, train: Trained = trained) -> list[Tried]:
    """Does the trials that are left, and returns all in their order. The caller holds the folder.

    A trial of TPE draws from a generator of its own, seeded by its number, so that the search is the same however
    often it was interrupted. Optuna's numbers count interrupted trials as well.

    Raises:
        OtherStudy: the folder holds another search's study; nothing is changed then.
        textgen_env.files.DamagedFile: the journal is not what was written; likewise.
    """
    _refuse_other(folder, search)
    study = opened_study(folder, _pruner(search), notify)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        study.tell(trial.number, state=TrialState.FAIL)
    while len(done := _ended(study)) < search.trials:
        _try_one(study, search, len(done), train)
        keep(folder)
        tried = _ended(study)[-1]
        best = max((each.value for each in _ended(study) if each.value is not None), default=None)
        notify(f"trial {len(done) + 1} of {search.trials}: {_in_words(tried, search)}; {_best(best)}")
    return done[: search.trials]


def _refuse_other(folder: Path, search: Search) -> None:
    wanted = search.to_json()
    try:
        there = read_sealed(folder / SEARCH, required=True)
    except FileNotFoundError:
        if (folder / JOURNAL).exists():
            raise DamagedFile(
                folder / SEARCH, f"is missing, and nothing else says what {JOURNAL} is of", BEGIN_ANEW
            ) from None
        write_sealed(folder / SEARCH, wanted)
        return
    differences = config_differences(_plain(there), _plain(wanted))
    if differences:
        lines = "\n  ".join(differences)
        raise OtherStudy(
            f"{folder} holds the study of another search:\n  {lines}\nNothing was run. Give another --name or "
            "--out, or move the folder away."
        )


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """With the digests of files where `config_differences` looks for them."""
    run = dict(content["run"])
    files = run.pop(FILES, None)
    return {**content, "run": run, **({FILES: files} if files else {})}


def _pruner(search: Search) -> MedianPruner:
    # Settings that explore long rise late: nothing is judged before the middle of the first curve.
    return MedianPruner(n_startup_trials=5, n_warmup_steps=-(-search.run.evaluation.points // 2))


def _try_one(study: optuna.Study, search: Search, number: int, train: Trained) -> None:
    study.sampler = _sampler(search, number)
    trial = study.ask()
    settings = {name: span.suggest(trial, name) for name, span in search.space.items()}
    trial.set_user_attr(SETTINGS, settings)

    def report(step: int, value: float) -> None:
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        value = objective(with_settings(search.run, settings), search.seeds, report, train)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except FloatingPointError as error:
        trial.set_user_attr(DIVERGED, str(error))
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, value)


def _sampler(search: Search, number: int) -> BaseSampler:
    if number == 0:
        return Given(search.defaults)
    # The numbers of one search draw apart from those of another.
    seed = (search.sampler_seed * 1_000_003 + number) % 2**32
    return TPESampler(seed=seed, n_startup_trials=AT_RANDOM, constant_liar=False)


def _ended(study: optuna.Study) -> list[Tried]:
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return [_tried(number, trial) for number, trial in enumerate(ended)]


def _tried(number: int, trial: FrozenTrial) -> Tried:
    value = trial.value if trial.state == TrialState.COMPLETE else None
    attributes = trial.user_attrs
    return Tried(
        number,
        dict(attributes.get(SETTINGS, trial.params)),
        value,
        len(trial.intermediate_values),
        DIVERGED in attributes,
    )


def _in_words(tried: Tried, search: Search) -> str:
    if tried.value is not None:
        return f"{tried.value:.4g}"
    if tried.diverged:
        return "diverged"
    return f"pruned after {tried.steps} of {search.run.evaluation.points + len(search.seeds) - 1} points"


def _best(best: float | None) -> str:
    return "none is whole yet" if best is None else f"the best {best:.4g}"
