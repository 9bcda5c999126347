"""Committed results, read: experiments, their rows, and the tables of them that pages show.

`experiments()` lists the folders of benchmarks/results that hold an experiment, `rows(folder)` the means of its agents,
`rows_of_environment(env_id)` those of every experiment on an environment.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.catalogue import experiment_names, load_sizes
from benchmarks.measures.measures import QUANTITIES, Quantity
from benchmarks.store.manifest import MANIFEST, read_manifest

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
TABLE = "table.csv"


@dataclass(frozen=True)
class KeptExperiment:
    """Committed experiment: a folder of benchmarks/results.

    Attributes:
        folder: its name below benchmarks/results.
        env_id: of the environment that its agents are measured on.
        description: one line.
        command: what makes its runs and its report.
        unit: of a return.
        goal: name of the measure that its agents are compared by.
        runs: how many were asked for.
        agents: label of a row -> registered name of its agent (`agents.AGENTS`), or import path "module:Class" of one
            of Stable-Baselines3's; only of those that the experiment still has.
    """

    folder: str
    env_id: str
    description: str
    command: str
    unit: str
    goal: str
    runs: int
    agents: Mapping[str, str]


@dataclass(frozen=True)
class KeptRow:
    """Mean of an agent in a measure, over the seeds of a committed experiment.

    Attributes:
        folder: of the experiment.
        agent: label of the row.
        measure: its name.
        mean, std: over runs that finished; None where nothing was measured.
        low, high: the 95% bootstrap interval of the interquartile mean `iqm`.
        finished, asked, failed, diverged, missing: numbers of runs.
        collapsed: below the oracle's own entropy.
    """

    folder: str
    agent: str
    measure: str
    unit: str
    asked: int
    finished: int
    failed: int
    diverged: int
    missing: int
    mean: float | None
    std: float | None
    iqm: float | None
    low: float | None
    high: float | None
    collapsed: bool

    @property
    def quantity(self) -> Quantity:
        """The measure's title, better direction and decimals."""
        return QUANTITIES.get(self.measure, Quantity(self.measure, self.measure))

    @property
    def shown(self) -> str:
        """Mean ± standard deviation, with the decimals of the measure; † for a collapse."""
        if self.mean is None:
            return "–"
        digits = self.quantity.digits
        spread = "" if self.std is None else f" ± {self.std:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}{' †' if self.collapsed else ''}"


@cache
def _commands() -> dict[str, tuple[str, Mapping[str, str]]]:
    """Name of an experiment -> the command that runs it, and the agents of its rows."""
    found = {}
    for name in experiment_names():
        for size, experiment in load_sizes(name).items():
            command = f"python -m benchmarks run {name}" + (f" --size {size}" if size else "")
            found[experiment.name] = command, {each.label: each.agent for each in experiment.algorithms}
    return found


def _goal(folder: str, metric: str, curve: str) -> str:
    """The measure that agents are compared by: what they learned, or else what the curve shows; of a game that is
    solved the share of the optimum."""
    if metric:
        return metric
    measures = {row.measure for row in rows(folder)}
    return "optimum_share" if "optimum_share" in measures else curve


@cache
def experiments() -> list[KeptExperiment]:
    """The committed experiments, by their folders' names.

    Raises:
        ValueError: a folder whose experiment is no longer in the catalogue.
    """
    found = []
    for manifest in sorted(RESULTS.glob(f"*/{MANIFEST}")):
        kept, folder = read_manifest(manifest.parent), manifest.parent.name
        own = kept.experiment
        if own.name not in _commands():
            raise ValueError(f"{manifest}: experiment {own.name!r} is not in benchmarks.catalogue; register it there")
        command, agents = _commands()[own.name]
        goal = _goal(folder, own.metric, own.curve)
        labels = {label: agents[label] for label in kept.labels if label in agents}
        found.append(
            KeptExperiment(folder, own.env_id, own.description, command, own.unit, goal, len(kept.runs), labels)
        )
    return found


def experiment(folder: str) -> KeptExperiment:
    """The committed experiment of this folder.

    Raises:
        ValueError: no such experiment.
    """
    by_folder = {each.folder: each for each in experiments()}
    if folder not in by_folder:
        raise ValueError(f"folder={folder!r} holds no experiment; there are {', '.join(by_folder)}")
    return by_folder[folder]


def csv_rows(folder: str, name: str) -> list[dict[str, str]]:
    """The lines of a committed CSV, by the titles of their columns.

    Raises:
        ValueError: no such file.
    """
    path = RESULTS / folder / name
    if not path.is_file():
        there = ", ".join(sorted(each.name for each in path.parent.glob("*.csv")))
        raise ValueError(f"there is no {name!r} in the results of {folder!r}; there are: {there or 'none'}")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def rows(folder: str) -> list[KeptRow]:
    """The rows of an experiment's table, each of an agent and a measure, in the order of the table.

    Raises:
        ValueError: the folder has no table.
    """
    return [_row(folder, line) for line in csv_rows(folder, TABLE) if line["asked"]]


def rows_of_environment(env_id: str) -> list[KeptRow]:
    """The rows of every committed experiment on an environment, one experiment after another; none where there is
    no result."""
    return [row for each in experiments() if each.env_id == env_id for row in rows(each.folder)]


def mean_and_std(folder: str, agent: str, measure: str, digits: int = 3) -> str:
    """Text "mean ± standard deviation" of an agent's measure in a results folder.

    Raises:
        KeyError: the table has no such row, or nothing was measured.
    """
    for row in rows(folder):
        if (row.agent, row.measure) == (agent, measure) and row.mean is not None and row.std is not None:
            return f"{row.mean:.{digits}f} ± {row.std:.{digits}f}"
    raise KeyError(f"benchmarks/results/{folder}/{TABLE} has no row of agent={agent!r}, measure={measure!r}")


def lined(titles: Iterable[str], rows: Iterable[Iterable[str]], left: frozenset[int] = frozenset({0})) -> str:
    """A table in Markdown; the columns `left` are aligned so, all others to the right."""
    titles = list(titles)
    rule = "".join(" :-- |" if i in left else " --: |" for i in range(len(titles)))
    return "\n".join([f"| {' | '.join(titles)} |", f"|{rule}", *(f"| {' | '.join(row)} |" for row in rows)])


def _row(folder: str, line: dict[str, str]) -> KeptRow:
    counts = [int(line[name] or 0) for name in ("asked", "finished", "failed", "diverged", "missing")]
    means = [float(line[name]) if line[name] else None for name in ("mean", "std", "iqm", "iqm_low", "iqm_high")]
    collapsed = line["collapsed"] == "True"
    return KeptRow(folder, line["agent"], line["measure"], line["unit"], *counts, *means, collapsed)
