"""Experiments and classes by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from benchmarks.specs.experiment import Experiment

# One line an experiment: the module of this name in benchmarks/experiments/.
EXPERIMENTS = (
    "attention",
    "exact",
    "figure2",
    "figure3",
    "quick",
    "smoke",
    "table1",
)


def experiment_names() -> list[str]:
    """The experiments there are."""
    return sorted(EXPERIMENTS)


def load_sizes(name: str) -> dict[str, Experiment]:
    """The experiment in benchmarks/experiments/`name`.py, by its sizes; one that has but one size has it under "".

    Raises:
        ValueError: no such file, or one that defines something else.
    """
    names = experiment_names()
    if name not in names:
        raise ValueError(f"there is no experiment {name!r}; there are {', '.join(names)}")
    module = import_module(f"benchmarks.experiments.{name}")
    sizes = getattr(module, "EXPERIMENTS", {"": getattr(module, "EXPERIMENT", None)})
    if not isinstance(sizes, Mapping) or not sizes:
        sizes = {"": None}
    for size, experiment in sizes.items():
        expected = f"{name}-{size}" if size else name
        if not isinstance(experiment, Experiment) or experiment.name != expected:
            raise ValueError(
                f"benchmarks/experiments/{name}.py must define EXPERIMENT = Experiment(name={name!r}, ...), or "
                f'EXPERIMENTS = {{"small": Experiment(name="{name}-small", ...), ...}}'
            )
    return dict(sizes)


def load_experiment(name: str, size: str | None = None) -> Experiment:
    """One size of the experiment in benchmarks/experiments/`name`.py, the first by default.

    Raises:
        ValueError: no such file or size, or a file that defines something else.
    """
    sizes = load_sizes(name)
    if size is None:
        return next(iter(sizes.values()))
    if not size or size not in sizes:
        there_are = f"there are {', '.join(sizes)}" if "" not in sizes else "it has but one: leave --size out"
        raise ValueError(f"experiment {name} has no size {size!r}; {there_are}")
    return sizes[size]
