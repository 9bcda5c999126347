"""Runs that a folder of results asks for, read back from its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium

import textgen_env  # noqa: F401  registers the ids
from agents import AGENTS
from benchmarks.specs.experiment import IMPORTED, Algorithm, Evaluation, Run
from benchmarks.specs.file_digests import FILES, refuse_missing
from benchmarks.specs.named import SB3
from benchmarks.store.manifest import MANIFEST, Key, Manifest
from benchmarks.store.run_folder import config_differences
from benchmarks.store.typed_json import read_fields
from textgen_env.environments import writes_texts
from textgen_env.registries import Registry, check_trusted, names_alone
from textgen_env.specs import REWARDS, TASKS

NAMED: Mapping[str, Registry] = {"reward": REWARDS, "task": TASKS}
DIFFERENCES_SHOWN = 5


def planned_runs(folder: Path, manifest: Manifest, trust: bool = False) -> list[Run]:
    """Every run that was asked for in an experiment's folder: seed by seed, and within a seed in the algorithms' order,
    but for one that others start from, which comes before them.

    Args:
        folder: of the experiment.
        manifest: that was read there.
        trust: whether import paths in it may be followed. Without, runs are of what is registered alone.

    Raises:
        FileNotFoundError: a file that an environment is to read is missing.
        ValueError: settings that are no run's, or that this version, or the files on this machine, would make others
            of; an import path, or a name that is not registered, without `trust`.
    """
    path = folder / MANIFEST
    places = {label: number for number, label in enumerate(manifest.labels)}
    # Those of other tools are done.
    here = (key for key, config in manifest.runs.items() if IMPORTED not in config)
    keys = sorted(here, key=lambda key: (key[1], places.get(key[0], len(places)), key[0]))
    built: dict[Key, Run] = {}
    try:
        names = {_name(manifest.runs[key], manifest): key for key in keys}
        for key in keys:
            _build(key, manifest, names, built, ())
    except KeyError as error:
        raise ValueError(f"{path} asks for what is no run: {error.args[0]!r} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} asks for what cannot be run here: {error}") from None
    if not trust:
        with names_alone(path):
            for run in built.values():
                _refuse_unregistered(run)
    return list(built.values())


def _name(config: Mapping[str, Any], manifest: Manifest) -> str:
    experiment = config.get("experiment", manifest.experiment.name)
    return f"{experiment}/{config['algorithm']['label']}/seed-{config['seed']}"


def _build(
    key: Key, manifest: Manifest, names: Mapping[str, Key], built: dict[Key, Run], heirs: tuple[Key, ...]
) -> Run:
    """Builds a run, after the one that it starts from."""
    if key in built:
        return built[key]
    config = manifest.runs[key]
    parent = None
    if config.get("parent") is not None:
        before = names.get(str(config["parent"]["run"]))
        if before is None or before in (*heirs, key):
            raise ValueError(f"{key[0]}, seed {key[1]} starts from {config['parent']['run']!r}, which is no other run")
        parent = _build(before, manifest, names, built, (*heirs, key))
    run = Run(
        experiment=str(config.get("experiment", manifest.experiment.name)),
        algorithm=Algorithm(**read_fields(config["algorithm"], Algorithm)),
        seed=key[1],
        env_id=str(config["env_id"]),
        env_kwargs=dict(config["env_kwargs"]),
        evaluation=Evaluation(**read_fields(config["evaluation"], Evaluation)),
        device=str(config.get("device", "cpu")),
        parent=parent,
    )
    refuse_missing(run.env_kwargs, run.evaluation.env_kwargs)
    differences = config_differences({"device": "cpu", "parent": None, **config}, run.to_config(FILES in config))
    if differences:
        raise ValueError(
            f"{run.name} would be another run here, by this version or these files: "
            f"{'; '.join(differences[:DIFFERENCES_SHOWN])}; give the `run` command anew, in another --out"
        )
    built[key] = run
    return run


def _refuse_unregistered(run: Run) -> None:
    """Refuses what a run names and nobody has registered; the process that does it follows no import path either.

    Raises:
        ValueError: naming it.
    """
    algorithm = run.algorithm
    if algorithm.kind == "sb3":
        if algorithm.agent not in {f"{package}:{name}" for name, (package, _) in SB3.items()}:
            check_trusted("agent", algorithm.agent)
    else:
        _check_name("agent", algorithm.agent, AGENTS)
    for env_id, kwargs in ((run.env_id, run.env_kwargs), (run.evaluation.env_id, run.evaluation.env_kwargs)):
        if env_id is not None and ":" in env_id:
            check_trusted("env_id", env_id)
        if env_id is not None and (env_id not in gymnasium.registry or not writes_texts(env_id)):
            raise ValueError(f"env_id={env_id!r} is no environment of texts; if you trust the folder, say --trust")
        for kind, name in _names(kwargs):
            _check_name(kind, name, NAMED[kind])


def _check_name(kind: str, name: str, registry: Registry) -> None:
    if ":" in name:
        check_trusted(kind, name)
    if name not in registry:
        raise ValueError(f"{kind} {name!r} is not registered; name the module that registers it: --import MODULE")


def _names(kwargs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of tasks and rewards in keyword arguments of an environment, those of parts of a reward too."""
    for kind in NAMED:
        waiting = [kwargs.get(kind)]
        while waiting:
            given = waiting.pop()
            if isinstance(given, str):
                yield kind, given
            elif isinstance(given, Mapping):
                waiting += [given.get("name")]
                parts = given.get("parts")
                pairs = parts if isinstance(parts, list) else []
                waiting += [part for pair in pairs if isinstance(pair, list) for part in pair]
