"""Catalogue of experiments: what `python -m benchmarks` knows by name, and how others enter their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.specs.experiment import Experiment
from benchmarks.specs.import_path import look_in_current_folder
from benchmarks.specs.toml_experiment import SUFFIX, experiment_from
from textgen_env.registries import NAME, PATH, load_object

Entry = str | Experiment | Mapping[str, Experiment]
EXPERIMENTS: dict[str, Entry] = {}
"""Name -> the experiment, its sizes, or the import path of either."""


def register_experiment(name: str, experiment: Entry) -> None:
    """Names an experiment, for the command line and results.

    Args:
        name: letters, digits and `_`, beginning with a letter.
        experiment: an `Experiment(name=<name>, ...)`; or several by size, {"small": Experiment(name="<name>-small",
            ...), ...}, the first being the default; or the import path "module:NAME" of either, which is imported when
            it is asked for. Worker processes import that module, too: what it registers is known there.

    Raises:
        TypeError, ValueError: a name or an experiment that is not allowed, or a name that is taken.
    """
    if not isinstance(name, str):
        raise TypeError(f"name={name!r} must be a string, got {type(name).__name__}")
    if not NAME.fullmatch(name):
        raise ValueError(f"name={name!r} must consist of letters, digits and '_', and begin with a letter")
    if not isinstance(experiment, str):
        _checked(name, experiment, repr(experiment))
    elif not PATH.fullmatch(experiment):
        raise ValueError(f"experiment {name!r}: {experiment!r} must be an import path of the form 'module:NAME'")
    if EXPERIMENTS.get(name, experiment) != experiment:
        raise ValueError(f"experiment {name!r} is taken by {EXPERIMENTS[name]!r}; choose another name")
    EXPERIMENTS[name] = experiment


register_experiment("attention", "benchmarks.experiments.attention:EXPERIMENT")
register_experiment("columns", "benchmarks.experiments.columns:EXPERIMENTS")
register_experiment("diagnostics", "benchmarks.experiments.diagnostics:EXPERIMENTS")
register_experiment("exact", "benchmarks.experiments.exact:EXPERIMENT")
register_experiment("exposure", "benchmarks.experiments.exposure:EXPERIMENT")
register_experiment("figure2", "benchmarks.experiments.figure2:EXPERIMENTS")
register_experiment("figure3", "benchmarks.experiments.figure3:EXPERIMENTS")
register_experiment("metric", "benchmarks.experiments.metric:EXPERIMENTS")
register_experiment("own_text", "benchmarks.experiments.own_text:EXPERIMENT")
register_experiment("quick", "benchmarks.experiments.quick:EXPERIMENT")
register_experiment("scratch", "benchmarks.experiments.scratch:EXPERIMENT")
register_experiment("sentences", "benchmarks.experiments.sentences:EXPERIMENT")
register_experiment("smoke", "benchmarks.experiments.smoke:EXPERIMENT")
register_experiment("table1", "benchmarks.experiments.table1:EXPERIMENTS")
register_experiment("table2", "benchmarks.experiments.table2:EXPERIMENTS")
register_experiment("table3", "benchmarks.experiments.table3:EXPERIMENTS")
register_experiment("table4", "benchmarks.experiments.table4:EXPERIMENTS")


def experiment_names() -> list[str]:
    """The experiments there are."""
    return sorted(EXPERIMENTS)


def load_sizes(name: str) -> dict[str, Experiment]:
    """An experiment by its sizes; one that has but one size has it under "".

    Args:
        name: of a registered experiment, an import path "module:NAME", found from the current folder too, or a file
            that ends in .toml.

    Raises:
        ValueError: no such name, a path that leads nowhere, or something else there; a file that holds no experiment.
        FileNotFoundError: no such file, or one that an environment is to read.
    """
    if name.endswith(SUFFIX):
        return {"": experiment_from(Path(name))}
    target, called = EXPERIMENTS.get(name), name
    if target is None:
        if ":" not in name:
            raise ValueError(
                f"there is no experiment {name!r}; there are {', '.join(experiment_names())}, a file.toml, and "
                "import paths of others: 'module:EXPERIMENT'"
            )
        look_in_current_folder()
        target, called = name, ""
    found = load_object(target, f"experiment {called}".rstrip()) if isinstance(target, str) else target
    return _checked(called, found, target if isinstance(target, str) else repr(target))


def load_experiment(name: str, size: str | None = None) -> Experiment:
    """One size of an experiment, the first by default.

    Raises:
        ValueError: as `load_sizes`; or no such size.
    """
    sizes = load_sizes(name)
    if size is None:
        return next(iter(sizes.values()))
    if not size or size not in sizes:
        there_are = f"there are {', '.join(sizes)}" if "" not in sizes else "it has but one: leave --size out"
        raise ValueError(f"experiment {name} has no size {size!r}; {there_are}")
    return sizes[size]


def modules_of(name: str) -> tuple[str, ...]:
    """The module that an experiment, by its name or import path, is defined in; none for one that was registered as an
    object. A process that does its runs imports it first: it may register what they name."""
    path = "" if name.endswith(SUFFIX) else EXPERIMENTS.get(name, name)
    return (path.partition(":")[0],) if isinstance(path, str) and ":" in path else ()


def _checked(name: str, found: Any, said: str) -> dict[str, Experiment]:
    """The sizes of what was found, called as `name` asks; any name will do for ""."""
    sizes = {"": found} if isinstance(found, Experiment) else found
    if not isinstance(sizes, Mapping) or not sizes:
        sizes = {"": None}
    for size, experiment in sizes.items():
        expected = f"{name}-{size}" if size else name
        if not isinstance(experiment, Experiment) or (name and experiment.name != expected):
            called = name or "mine"
            raise ValueError(
                f"experiment {name or said}: {said} must be Experiment(name={called!r}, ...), or several by size: "
                f'{{"small": Experiment(name="{called}-small", ...), ...}}'
            )
    return dict(sizes)
