"""Reader of the results of an experiment, whatever there is of them."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.measures.measures import RETURN, Quantity, quantity, validated
from benchmarks.specs.experiment import IMPORTED, Experiment
from benchmarks.store.manifest import MANIFEST, Key, Manifest, read_manifest
from benchmarks.store.results import Measurement, Reference, Result
from benchmarks.store.run_folder import RunState, read_state
from textgen_env.files import what_is_wrong

# Of a folder without a manifest.
UNKNOWN = Experiment("unknown", "", "", (), goal="")


@dataclass(frozen=True)
class Record:
    """One run that was asked for: its name below the folder of results, its seed, and what became of it."""

    name: str
    seed: int
    state: RunState

    @property
    def outcome(self) -> str:
        """The state's status, or "diverged" where a run failed by numbers that are not finite."""
        error = self.state.error
        return "diverged" if error is not None and error.diverged else self.state.status

    @property
    def story(self) -> str:
        """The outcome in words, with the error that ended the run and what was last measured of it."""
        error = self.state.error
        if error is None:
            return self.outcome
        at = f" after {error.curve[-1].tokens_spent} tokens" if error.diverged and error.curve else ""
        words = f"{self.outcome}{at}: {error.error}"
        if error.last is None:
            return words
        values = {RETURN: error.last.mean_return, **error.last.measures}
        found = [(quantity(name), value) for name, value in values.items()]
        measured = ", ".join(f"{each.title} {value:.{each.digits}f}" for each, value in found)
        return f"{words} (last finite, after {error.last.point.tokens_spent} tokens: {measured})"


@dataclass(frozen=True)
class AlgorithmRecords:
    """The runs of one algorithm.

    Attributes:
        label: of the algorithm.
        records: by seed.
        config: of one of its runs, or None.
    """

    label: str
    records: tuple[Record, ...]
    config: Mapping[str, Any] | None

    @property
    def results(self) -> list[Result]:
        """Of the finished runs, by seed."""
        return [record.state.result for record in self.records if record.state.result is not None]

    @property
    def imported_from(self) -> str:
        """The file that its runs were imported from; "" of runs that were done here."""
        found = (self.config or {}).get(IMPORTED)
        return str(found.get("file", "")) if isinstance(found, Mapping) else ""

    @property
    def without_result(self) -> list[Record]:
        """The others."""
        return [record for record in self.records if record.state.result is None]

    @property
    def outcomes(self) -> dict[str, int]:
        """Numbers of runs: "asked" for, and of these "finished", "failed", "diverged" and "missing"."""
        found = Counter(record.outcome for record in self.records)
        counts = {outcome: found[outcome] for outcome in ("finished", "failed", "diverged")}
        return {"asked": len(self.records), **counts, "missing": len(self.records) - sum(counts.values())}

    @property
    def count(self) -> str:
        """The numbers of runs in words: "3/5, 1 failed, 1 diverged"."""
        outcomes = self.outcomes
        others = [f"{outcomes[name]} {name}" for name in ("failed", "diverged", "missing") if outcomes[name]]
        return ", ".join([f"{outcomes['finished']}/{outcomes['asked']}", *others])

    @cached_property
    def values(self) -> Mapping[str, list[float]]:
        """Of the return, and of each measure in the finished runs that have it, by seed."""
        return _by_name((result.mean_return, result.measures) for result in self.results)

    @cached_property
    def best_values(self) -> Mapping[str, list[float]]:
        """`values` of the points that were best by validation."""
        return _by_name((best.mean_return, best.measures) for best in self.best)

    @property
    def best(self) -> list[Measurement]:
        """Of the finished runs that were validated: what was measured of their best points."""
        return [result.best for result in self.results if result.best is not None]

    @cached_property
    def errors_over_texts(self) -> Mapping[str, float]:
        """Monte-Carlo standard errors of the means of `values`, of the measures whose error every run has."""
        found = {
            name: [result.errors.get(name) for result in self.results if name in result.measures]
            for name in self.values
        }
        known = {name: [error for error in errors if error is not None] for name, errors in found.items()}
        return {
            name: math.hypot(*errors) / len(errors)
            for name, errors in known.items()
            if errors and len(errors) == len(found[name])
        }


@dataclass(frozen=True)
class Collected:
    """An experiment's results.

    Attributes:
        folder: where they lie.
        name: of the experiment; of a folder without a manifest, the folder's.
        manifest: what was asked for; of a folder without one, nothing.
        algorithms: in the experiment's order.
        warnings: files that cannot be read.
    """

    folder: Path
    name: str
    manifest: Manifest
    algorithms: tuple[AlgorithmRecords, ...]
    warnings: tuple[str, ...]

    @property
    def title(self) -> str:
        """The experiment's name and its environment."""
        return " · ".join(filter(None, (self.name, self.experiment.env_id)))

    @property
    def experiment(self) -> Experiment:
        """The experiment as it was asked for, without the runs."""
        return self.manifest.experiment

    @property
    def results(self) -> list[Result]:
        """Of all finished runs."""
        return [result for each in self.algorithms for result in each.results]

    @property
    def measures(self) -> list[str]:
        """Measures that were taken or do not apply, in the order in which the configurations name them."""
        taken = dict.fromkeys(name for result in self.results for name in (*result.measures, *result.reasons))
        asked = dict.fromkeys(name for each in self.algorithms for name in _asked_measures(each.config or {}))
        return [*(name for name in asked if name in taken), *(name for name in taken if name not in asked)]

    @property
    def quantities(self) -> list[Quantity]:
        """The return and the measures."""
        return [quantity(name, self.experiment.unit) for name in (RETURN, *self.measures)]

    @property
    def curve(self) -> Quantity:
        """The quantity that learning curves show."""
        return quantity(self.experiment.curve, self.experiment.unit)

    @property
    def validation(self) -> Quantity | None:
        """The quantity by which points of the curve were chosen; None for nothing."""
        evaluations = [(each.config or {}).get("evaluation") for each in self.algorithms]
        asked = [str(each.get("validation") or "") for each in evaluations if isinstance(each, Mapping)]
        return next((quantity(validated(name)) for name in asked if name), None)

    @property
    def references(self) -> dict[str, Reference]:
        """Reference returns, on which the finished runs agree: they are functions of the environment alone."""
        return {name: each for result in self.results for name, each in result.references.items()}

    @property
    def oracle_entropy(self) -> float | None:
        """Nats a token, where the task has an oracle; of a run that knows its error, if there is one."""
        return self._oracle_entropy[0]

    @property
    def oracle_entropy_error(self) -> float | None:
        """The standard error of `oracle_entropy` over texts, where a run knows it."""
        return self._oracle_entropy[1]

    @property
    def _oracle_entropy(self) -> tuple[float | None, float | None]:
        """Value and error of one run: runs of an earlier version estimated another number, without an error."""
        found = [(r.oracle_entropy, r.oracle_entropy_error) for r in self.results if r.oracle_entropy is not None]
        return min(found, key=lambda pair: pair[1] is None, default=(None, None))

    @property
    def seeds(self) -> list[int]:
        """All that were asked for."""
        return sorted({record.seed for each in self.algorithms for record in each.records})


def experiment_folders(path: Path) -> list[Path]:
    """The experiments in a folder of results: itself, or those in it.

    Raises:
        ValueError: there are none.
    """
    if _is_experiment(path):
        return [path]
    found = sorted(folder for folder in path.iterdir() if _is_experiment(folder)) if path.is_dir() else []
    if not found:
        what = "is no folder" if not path.is_dir() else "holds no results"
        raise ValueError(
            f"{str(path)!r} {what}; give the --out of a `python -m benchmarks run`, or an experiment in it"
        )
    return found


def collect(folder: Path) -> Collected:
    """Everything in an experiment's folder; a run of which nothing is there counts as not started."""
    folder = absolute(folder)
    warnings: list[str] = []
    name, manifest = folder.name, Manifest(UNKNOWN)
    try:
        manifest = read_manifest(folder)
        name = manifest.experiment.name
    except FileNotFoundError:
        warnings.append(f"{MANIFEST} is missing: runs that were never started are not known")
    except ValueError as error:
        warnings.append(f"{MANIFEST} is broken ({what_is_wrong(error)}): runs that were never started are not known")
    states = {key: read_state(_place(folder, name, manifest, key)) for key in manifest.runs.keys() | _on_disk(folder)}
    for state in states.values():
        warnings += [f"{path.relative_to(folder.parent)} is broken: {reason}" for path, reason in state.broken]
    labels = [*manifest.labels, *sorted({label for label, _ in states} - set(manifest.labels))]
    algorithms = tuple(_records(name, manifest, label, states) for label in labels)
    return Collected(folder, name, manifest, algorithms, tuple(warnings))


def absolute(folder: Path) -> Path:
    """The folder made absolute: "." has no name. Symbolic links are kept, since shared runs lie beside them."""
    return Path(os.path.abspath(folder))


def _place(folder: Path, name: str, manifest: Manifest, key: Key) -> Path:
    """The folder of a run: in that of the experiment, or beside it where another experiment's runs are shared."""
    label, seed = key
    other = str(manifest.runs.get(key, {}).get("experiment", name))
    experiment = folder if other == name else folder.parent / other
    return experiment / label / f"seed-{seed}"


def _records(name: str, manifest: Manifest, label: str, states: Mapping[Key, RunState]) -> AlgorithmRecords:
    keys = sorted(key for key in states if key[0] == label)
    names = {key: str(manifest.runs.get(key, {}).get("experiment", name)) for key in keys}
    records = tuple(Record(f"{names[key]}/{label}/seed-{key[1]}", key[1], states[key]) for key in keys)
    configs = [states[key].config or manifest.runs.get(key) for key in keys]
    return AlgorithmRecords(label, records, next((config for config in configs if config is not None), None))


def _by_name(measured: Iterable[tuple[float, Mapping[str, float]]]) -> dict[str, list[float]]:
    """Of the return and the measures of each of some policies, the values by name."""
    found: dict[str, list[float]] = {}
    for mean_return, measures in measured:
        for name, value in {RETURN: mean_return, **measures}.items():
            found.setdefault(name, []).append(value)
    return found


def _asked_measures(config: Mapping[str, Any]) -> list[str]:
    evaluation = config.get("evaluation")
    names = evaluation.get("measures") if isinstance(evaluation, Mapping) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _on_disk(folder: Path) -> set[Key]:
    found = set()
    for path in folder.glob("*/seed-*"):
        seed = path.name.removeprefix("seed-")
        if path.is_dir() and seed.isdecimal():
            found.add((path.parent.name, int(seed)))
    return found


def _is_experiment(path: Path) -> bool:
    return (path / MANIFEST).is_file() or any(path.glob("*/seed-*/*.json"))
