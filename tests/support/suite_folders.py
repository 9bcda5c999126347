"""Folders of a suite's two tables, made of returns, as `leaderboard` and `regress` read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measures.measures import RETURN
from benchmarks.store.run_folder import write_json, write_text
from benchmarks.suite.record import (
    ENVIRONMENTS,
    FACTS,
    RUNS,
    EnvironmentRow,
    RunRow,
    environments_csv,
    runs_csv,
)

Returns = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Environment -> agent -> the return of each seed; None of a run that failed."""


def environment(name: str, one: float = 10.0) -> EnvironmentRow:
    """One whose reference earns `one`."""
    return EnvironmentRow(name, f"TextGen-{name}", f"TextGen-{name}", "uniform", "data", "test data", one)


def rows(returns: Returns, settings: str = "a") -> list[RunRow]:
    """A run for each return."""
    return [
        RunRow(name, agent, seed, "failed", {}, settings=settings, story="failed: ValueError: no")
        if value is None
        else RunRow(name, agent, seed, "finished", {RETURN: value}, 100, 0, 1.5, settings)
        for name, agents in returns.items()
        for agent, values in agents.items()
        for seed, value in enumerate(values)
    ]


def suite_folder(folder: Path, returns: Returns, settings: str = "a", version: str = "1.0") -> Path:
    """A folder that holds both tables."""
    folder.mkdir(parents=True)
    write_text(folder / RUNS, runs_csv(rows(returns, settings)))
    write_text(folder / ENVIRONMENTS, environments_csv(environment(name) for name in returns))
    write_json(folder / FACTS, {"versions": [{"textgen-env": version}]})
    return folder
