"""Plan of a study, carried out: trials, selection, comparison on fresh seeds, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import textgen_env
from benchmarks.specs.experiment import Run
from benchmarks.specs.reserved_seeds import FRESH, SEARCHED, SELECTED
from benchmarks.specs.tuned import Place, Tuned, settings_file
from benchmarks.store.lease import Lease, LeaseLost
from benchmarks.store.leases import Leases
from benchmarks.store.results import Point
from benchmarks.store.run_folder import write_text
from benchmarks.tuning.confirmation import Comparison, best_of, compared, selected
from benchmarks.tuning.outcome import write_outcome
from benchmarks.tuning.study import Search, Tried, searched
from benchmarks.tuning.trial import Trained, trained
from benchmarks.tuning.writing import as_toml, write_tuned

CANDIDATE = "settings.toml"
OBJECTIVE = "mean return of final episodes after training, over seeds"
Notify = Callable[[str], None]


class StudyInUse(ValueError):
    """Error: another process searches in the study's folder."""


@dataclass(frozen=True)
class Plan:
    """Plan of a study.

    Attributes:
        agent: as `agent_names` has it.
        search: of the trials.
        place: what the settings are for.
        folder: of the study.
        command: that does the same again, which is kept.
        fixed: settings of the agent that are not searched, and belong to those that are found.
        best: trials that are told apart on seeds of their own.
        fresh: seeds of the comparison with the defaults.
        into: the folder of tuned settings.
        replacing: whether settings that are there may be replaced.
        jobs: runs at a time after the search; 0: in this process.
    """

    agent: str
    search: Search
    place: Place
    folder: Path
    command: str
    fixed: Mapping[str, Any]
    best: int
    fresh: int
    into: Path
    replacing: bool = False
    jobs: int = 1

    @property
    def selection_seeds(self) -> int:
        """Seeds on which the best trials are told apart: a third of those of the comparison, at least 3."""
        return max(3, self.fresh // 3)


def carry_out(plan: Plan, notify: Notify, date: str, train: Trained = trained) -> Comparison | None:
    """Searches, selects, compares, and writes settings that won; None where no trial was whole.

    Args:
        plan: of the study.
        notify: hears, in words, of each trial and run, and of what was written.
        date: of today, which is kept.
        train: as `benchmarks.tuning.trial.trained`.

    Raises:
        ValueError: what `searched` refuses; nothing is run then.
        StudyInUse: another process is at it; likewise.
    """
    with Leases() as leases:
        lease = leases.claim(plan.folder)
        if lease is None:
            raise StudyInUse(
                f"{plan.folder}: another process searches there. Nothing was run: wait until it has ended, or give "
                "another --name or --out"
            )
        try:
            return _done(plan, notify, date, partial(_held, lease, train))
        except LeaseLost as error:
            raise StudyInUse(f"{error}; it goes on with the search") from None


def in_words(found: Comparison) -> str:
    """One line: both means on fresh seeds, their difference, and what it says."""
    means = [f"{_mean(each):.4g}" if each else "none" for each in (found.tuned, found.default)]
    ends = "" if found.interval is None else f", 95% interval {found.interval[0]:.3g} to {found.interval[1]:.3g}"
    failed = found.asked - len(found.tuned)
    return (
        f"on {found.asked} fresh seeds: tuned {means[0]}, default {means[1]}, difference {found.difference:.3g}{ends}: "
        f"{found.verdict}{f' ({failed} of its runs failed)' if failed else ''}"
    )


def _done(plan: Plan, notify: Notify, date: str, train: Trained) -> Comparison | None:
    run = plan.search.run
    tried = searched(plan.folder, plan.search, notify, train)
    best = best_of(tried, plan.search.defaults, plan.best)
    if not best:
        notify("no trial with other settings than the agent's own was whole: nothing is compared, nothing written")
        return None
    chosen = selected(plan.folder, run, best, plan.selection_seeds, plan.jobs, notify)
    found = compared(plan.folder, run, chosen, plan.fresh, plan.jobs, notify)
    notify(in_words(found))
    if found.default and found.tuned:
        tuned = _tuned(plan, chosen, found, date)
        write_outcome(plan.folder, tuned, tried, found)
        write_text(plan.folder / CANDIDATE, as_toml(plan.agent, [tuned], f"# {in_words(found)}\n"))
        _write(plan, tuned, found, notify)
    return found


def _held(lease: Lease, train: Trained, run: Run, hear: Callable[[Point], None]) -> float:
    """`train`, if the folder is this process's still."""
    lease.check()
    return train(run, hear)


def _tuned(plan: Plan, chosen: Tried, found: Comparison, date: str) -> Tuned:
    search = plan.search
    told = {
        "command": plan.command,
        "objective": OBJECTIVE,
        "trials": search.trials,
        "tokens": search.run.algorithm.total_tokens,
        "seeds": f"search {_seeds(SEARCHED, len(search.seeds))}, "
        f"selection {_seeds(SELECTED, plan.selection_seeds)}, comparison {_seeds(FRESH, plan.fresh)}",
        "default": _mean(found.default),
        "tuned": _mean(found.tuned),
        "difference": list(found.interval or ()),
        "date": date,
        "version": textgen_env.__version__,
    }
    return Tuned(plan.agent, plan.place, {**chosen.settings, **plan.fixed}, told)


def _write(plan: Plan, tuned: Tuned, found: Comparison, notify: Notify) -> None:
    if not found.won:
        notify(f"nothing is written: the settings have not won; they stand in {plan.folder / CANDIDATE}")
        return
    path = settings_file(plan.agent, plan.into)
    there = write_tuned(tuned, plan.into, plan.replacing)
    if there is None:
        notify(f"written: {path}")
    else:
        notify(
            f"not written: {path} holds settings for {plan.place.name} already ({there.in_words}: tuned "
            f"{there.found['tuned']:.4g}, default {there.found['default']:.4g}); the same command with --replace puts "
            f"these in their place; they stand in {plan.folder / CANDIDATE}"
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _seeds(reserved: range, count: int) -> str:
    return f"{reserved.start}-{reserved.start + count - 1}"
