"""Import of other tools' measurements into folders of runs, which reports read as they read those done here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.exchange.outside import BadLine, Line, read_lines
from benchmarks.exchange.outside_runs import OutsideRun, outside_run
from benchmarks.specs.experiment import IMPORTED, LABEL, Algorithm, Experiment
from benchmarks.store.lease import Lease
from benchmarks.store.leases import Leases
from benchmarks.store.manifest import Manifest, read_manifest
from benchmarks.store.results import Failure, Result
from benchmarks.store.run_folder import CONFIG, ERROR, read_state, write_result, write_sealed


@dataclass(frozen=True)
class Plan:
    """Change that an import makes to one experiment.

    Attributes:
        folder: of the experiment.
        new: runs to be written.
        kept: how many are there already, with the same numbers.
        manifest: of the experiment afterwards.
    """

    folder: Path
    new: tuple[OutsideRun, ...]
    kept: int
    manifest: Manifest


def import_csv(path: Path, out: Path, name: str = "") -> list[Plan]:
    """Makes a run folder of every label and seed of a CSV, beside those that there are.

    Args:
        path: of the CSV.
        out: the folder of results.
        name: of the experiment; "" for what the column `experiment` says, or else the file's name.

    Returns:
        what was done, by experiment.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a CSV that is not what can be imported, a run that is there already with other numbers, a label of
            runs that were done here, an experiment in another environment. Nothing is written then.
    """
    lines = read_lines(path)
    default = name or path.stem
    if not LABEL.fullmatch(default):
        raise BadLine(f"--name {default!r} names a folder: use letters, digits and . _ + - only")
    experiments: dict[str, list[Line]] = {}
    for line in lines:
        experiments.setdefault(name or line.experiment or default, []).append(line)
    out = out.absolute()
    # A lease makes its folder: what is refused leaves none.
    for each, found in experiments.items():
        _planned(path, out / each, found)
    plans = []
    with Leases() as leases:
        for each, found in experiments.items():
            with leases.waited_for(out / each) as lease:
                plans.append(_planned(path, out / each, found))
                _write(plans[-1], leases, lease)
    return plans


def _planned(path: Path, folder: Path, lines: Sequence[Line]) -> Plan:
    try:
        before = read_manifest(folder)
    except FileNotFoundError:
        before = Manifest(Experiment(folder.name, f"imported from {path.name}", "", (), goal=""))
    environment = _environment(path, before, lines)
    by_run: dict[tuple[str, int], list[Line]] = {}
    for line in lines:
        by_run.setdefault((line.label, line.seed), []).append(line)
    runs = [outside_run(path.name, folder.name, environment, found) for found in by_run.values()]
    for run in runs:
        _check_label(path, before, run, by_run[run.label, run.seed][0].number)
    new = tuple(run for run in runs if not _is_there(folder, before, run))
    known = {label.casefold() for label in before.labels}
    added = dict.fromkeys(run.label for run in runs if run.label.casefold() not in known)
    experiment = replace(
        before.experiment,
        env_id=environment,
        algorithms=(*before.experiment.algorithms, *(Algorithm(label, agent="") for label in added)),
    )
    manifest = Manifest(experiment, {**before.runs, **{(run.label, run.seed): run.config for run in runs}})
    return Plan(folder, new, len(runs) - len(new), manifest)


def _environment(path: Path, before: Manifest, lines: Sequence[Line]) -> str:
    """Of the experiment: what it is already, or what the lines say."""
    known, said_in = before.experiment.env_id, "the experiment that is there"
    for line in lines:
        if line.environment and not known:
            known, said_in = line.environment, f"line {line.number}"
        if line.environment and line.environment != known:
            raise BadLine(
                f"{path}, line {line.number}: environment={line.environment!r}, but {said_in} has {known!r}; an "
                "experiment has one: name another by --name, or in the column experiment"
            )
    return known


def _check_label(path: Path, before: Manifest, run: OutsideRun, number: int) -> None:
    clash = next((each for each in before.labels if each.casefold() == run.label.casefold()), run.label)
    own = [config for (label, _), config in before.runs.items() if label == run.label and IMPORTED not in config]
    if clash != run.label or own:
        what = "was run here" if own else f"differs from {clash!r} in case alone"
        raise BadLine(f"{path}, line {number}: label={run.label!r} {what}; give the imported runs another label")


def _is_there(folder: Path, before: Manifest, run: OutsideRun) -> bool:
    """Whether a run was imported already.

    Raises:
        ValueError: with other numbers, or something else is in its place.
    """
    place = folder / run.label / f"seed-{run.seed}"
    state = read_state(place)
    found = state.config or before.runs.get((run.label, run.seed))
    if found is None and not state.broken:
        return False
    same = isinstance(found, Mapping) and found.get(IMPORTED) == run.config[IMPORTED]
    if same and not state.broken:
        # An import that was interrupted may have left the settings alone.
        return run.outcome is None or state.result is not None or state.error is not None
    damaged = " (damaged)" if state.broken else ""
    raise ValueError(
        f"{place} is there already, with other numbers{damaged}; nothing was written: give the imported runs another "
        "label, or move that folder away"
    )


def _write(plan: Plan, leases: Leases, held: Lease) -> None:
    """Writes the runs, then the manifest, with the lease that is held of the experiment."""
    for run in plan.new:
        if run.status == "not started":
            continue
        place = plan.folder / run.label / f"seed-{run.seed}"
        with leases.waited_for(place) as lease:
            write_sealed(place / CONFIG, run.config, lease)
            if isinstance(run.outcome, Result):
                write_result(place, run.outcome, lease)
            elif isinstance(run.outcome, Failure):
                write_sealed(place / ERROR, run.outcome.to_json(), lease)
    plan.manifest.write(plan.folder, held)
