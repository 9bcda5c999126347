"""Manifest of a folder of results: what was asked for, so that a report can say what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from benchmarks.specs.experiment import LABEL, Algorithm, Experiment, Run
from benchmarks.store.lease import Lease
from benchmarks.store.old_form import EXPERIMENT_KEYS, in_new_form
from benchmarks.store.run_folder import read_sealed, write_sealed
from benchmarks.store.typed_json import read_as, read_fields

MANIFEST = "experiment.json"
# Fields of `Experiment` that the runs' configurations hold; every other one is kept by its name.
IN_RUNS = frozenset({"algorithms", "env_kwargs", "seeds", "evaluation", "shared"})
Key = tuple[str, int]
"""A run within an experiment: its algorithm's label and its seed."""


@dataclass(frozen=True)
class Manifest:
    """An experiment and all runs of it that were ever asked for.

    Attributes:
        experiment: of one that was read, the fields that `IN_RUNS` names are not filled in, and its algorithms have
            but their labels.
        runs: the configuration of each run.
    """

    experiment: Experiment
    runs: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, runs: Sequence[Run]) -> Self:
        """The experiment with these of its runs."""
        return cls(experiment, {(run.algorithm.label, run.seed): run.to_config() for run in runs})

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the algorithms, in order."""
        return tuple(each.label for each in self.experiment.algorithms)

    @property
    def devices(self) -> list[str]:
        """The devices that its runs were to be done on."""
        return sorted({str(config.get("device", "cpu")) for config in self.runs.values()})

    def with_earlier(self, earlier: Manifest) -> Manifest:
        """With the runs of an earlier manifest added; what both have is as here."""
        added = tuple(each for each in earlier.experiment.algorithms if each.label not in self.labels)
        experiment = replace(self.experiment, algorithms=(*self.experiment.algorithms, *added))
        return Manifest(experiment, {**earlier.runs, **self.runs})

    def write(self, folder: Path, lease: Lease | None = None) -> None:
        """Keeps it in an experiment's folder, under that folder's lease where others may write it too."""
        kept = [each.name for each in fields(Experiment) if each.name not in IN_RUNS]
        write_sealed(
            folder / MANIFEST,
            {
                **{name: getattr(self.experiment, name) for name in kept},
                "devices": self.devices,
                "labels": list(self.labels),
                "runs": list(self.runs.values()),
            },
            lease,
        )


def read_manifest(folder: Path) -> Manifest:
    """The manifest in an experiment's folder, in the form of now or before agents had names.

    Raises:
        FileNotFoundError: nothing.
        ValueError: something else.
    """
    content = {EXPERIMENT_KEYS.get(key, key): value for key, value in read_sealed(folder / MANIFEST).items()}
    try:
        kept = read_fields(content, Experiment, IN_RUNS)
        labels = read_as(tuple[str, ...], content["labels"], "labels")
        runs = [in_new_form(config) for config in content["runs"]]
        for config in runs:
            for name in (config["algorithm"]["label"], config.get("experiment", kept["name"])):
                if not LABEL.fullmatch(name):
                    raise ValueError(f"{name!r} is no name of a folder")
        return Manifest(
            Experiment(**kept, algorithms=tuple(Algorithm(label, agent="") for label in labels)),
            {(config["algorithm"]["label"], int(config["seed"])): config for config in runs},
        )
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is missing") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not the form of a manifest: {error}") from None
