"""Regression of a version: what it changed in the final measures of each agent on each environment, with tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.analysis.significance import TTest, holm, welch_test
from benchmarks.measures.measures import QUANTITIES, RETURN, Quantity
from benchmarks.suite.record import FINISHED, MISSING, RunRow, SuiteRecord, read_record
from textgen_env.registries import names_alone

Verdict = Literal["worse", "better", "changed", "not told apart", "untested"]
ONE_RUN = "one run is one observation, and a test needs at least two of both"
CONSTANT = "neither varies over its runs"
IDENTICAL = "the same values, run for run"
Key = tuple[str, str]
"""Environment and agent."""


@dataclass(frozen=True)
class Row:
    """One measure of one agent on one environment in two versions.

    Attributes:
        environment, agent: whose runs they are.
        quantity: the measure.
        runs: finished runs of the old and of the new version that have it.
        means: over these, old and new.
        test: Welch's, positive where the new version's mean is the larger; None where it cannot be made.
        p_holm: its p-value, by Holm's correction for all rows that are tested.
        reason: why there is no test; "" where there is one.
        verdict: "worse" or "better" where the difference is significant and the measure has a direction, "changed"
            where it has none.
    """

    environment: str
    agent: str
    quantity: Quantity
    runs: tuple[int, int]
    means: tuple[float, float]
    test: TTest | None
    p_holm: float | None
    reason: str
    verdict: Verdict

    @property
    def difference(self) -> float:
        """New less old."""
        return self.means[1] - self.means[0]


@dataclass(frozen=True)
class Regression:
    """Comparison of two versions.

    Attributes:
        folders: of the old and the new version.
        versions: what their runs were made with, where they differ: name -> old, new.
        level: of the tests.
        rows: that were compared.
        uncompared: "environment/agent" -> why it was not.
        failures: in words, of agents of which more runs fail or diverge than before.
    """

    folders: tuple[Path, Path]
    versions: Mapping[str, tuple[str, str]]
    level: float
    rows: tuple[Row, ...]
    uncompared: Mapping[str, str]
    failures: tuple[str, ...]

    @property
    def worse(self) -> bool:
        """Whether anything got significantly worse, or fails that did not."""
        return bool(self.failures) or any(row.verdict == "worse" for row in self.rows)


def compare_versions(old: Path, new: Path, level: float = 0.05) -> Regression:
    """The comparison of the runs in two folders; nothing that they name is imported.

    Raises:
        ValueError: a folder without runs, or a level out of (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"--level {level:g} must lie in (0, 1), such as 0.05")
    records = []
    for folder in (old, new):
        with names_alone(folder):
            records.append(read_record(folder))
    before, after = (_by_key(record) for record in records)
    uncompared = {}
    rows: list[Row] = []
    failures: list[str] = []
    for key in dict.fromkeys((*before, *after)):
        name = "/".join(key)
        runs, others = before.get(key, []), after.get(key, [])
        reason = _why_not(runs, others)
        if reason:
            uncompared[name] = reason
            continue
        failures += _failures(name, runs, others)
        rows += _rows(key, runs, others)
    if not rows and not uncompared:
        raise ValueError(f"{str(old)!r} and {str(new)!r} hold no runs to compare")
    return Regression((old, new), _versions(*records), level, _corrected(rows, level), uncompared, tuple(failures))


def _by_key(record: SuiteRecord) -> dict[Key, list[RunRow]]:
    found: dict[Key, list[RunRow]] = {}
    for run in record.runs:
        if run.outcome != MISSING:
            found.setdefault((run.environment, run.agent), []).append(run)
    return found


def _why_not(runs: list[RunRow], others: list[RunRow]) -> str:
    """Why an agent is not compared on an environment; "" where it is."""
    if not runs or not others:
        return f"no run has ended in {'NEW' if runs else 'OLD'}"
    settings = {run.settings for run in runs}, {run.settings for run in others}
    if settings[0] != settings[1]:
        return "its settings are others"
    return ""


def _rows(key: Key, runs: list[RunRow], others: list[RunRow]) -> list[Row]:
    names = dict.fromkeys(name for run in (*runs, *others) for name in run.values)
    found = []
    for name in names:
        a, b = (np.array([run.values[name] for run in each if name in run.values]) for each in (runs, others))
        if len(a) and len(b):
            test, reason = _tested(a, b)
            means, counts = (float(a.mean()), float(b.mean())), (len(a), len(b))
            found.append(Row(*key, _quantity(name), counts, means, test, None, reason, "untested"))
    return found


def _tested(old: np.ndarray, new: np.ndarray) -> tuple[TTest | None, str]:
    """The test of new against old, or why there is none."""
    if np.array_equal(old, new):
        return None, IDENTICAL
    if min(len(old), len(new)) < 2:
        return None, ONE_RUN
    test = welch_test(new, old)
    return test, "" if test is not None else CONSTANT


def _corrected(rows: list[Row], level: float) -> tuple[Row, ...]:
    adjusted = iter(holm([row.test.p for row in rows if row.test is not None]))
    return tuple(row if row.test is None else _judged(row, float(next(adjusted)), level) for row in rows)


def _judged(row: Row, p: float, level: float) -> Row:
    verdict: Verdict = "not told apart"
    if p < level:
        better = row.quantity.better
        verdict = "changed" if not better else "better" if (row.difference > 0) == (better == "higher") else "worse"
    return replace(row, p_holm=p, verdict=verdict)


def _quantity(name: str) -> Quantity:
    if name == RETURN:
        return Quantity(RETURN, "return", better="higher")
    return QUANTITIES.get(name, Quantity(name, name))


def _failures(name: str, runs: list[RunRow], others: list[RunRow]) -> list[str]:
    """In words, where a larger share of the new runs failed or diverged."""
    before, after = (sum(run.outcome != FINISHED for run in each) for each in (runs, others))
    if after * len(runs) <= before * len(others):
        return []
    story = next(run.story for run in others if run.outcome != FINISHED)
    return [f"{name}: {after} of {len(others)} runs failed or diverged, {before} of {len(runs)} before: {story}"]


def _versions(old: SuiteRecord, new: SuiteRecord) -> dict[str, tuple[str, str]]:
    """Versions that the runs were made with, by name, where the two differ."""
    names = dict.fromkeys(name for record in (old, new) for each in record.versions for name in each)
    found = {
        name: tuple(
            ", ".join(dict.fromkeys(str(each[name]) for each in record.versions if name in each)) or "not known"
            for record in (old, new)
        )
        for name in names
    }
    return {name: (pair[0], pair[1]) for name, pair in found.items() if pair[0] != pair[1]}
