"""A simulation of few runs, at every change; `make scale` is that of 10,000."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from benchmarks.analysis.load import collect
from benchmarks.report.report import report
from benchmarks.running.planned_runs import planned_runs
from benchmarks.running.scheduler import Manner, plan_experiment, work_on
from benchmarks.store.manifest import read_manifest
from scale.simulation import SimulatedMachines, experiment

ALGORITHMS, SEEDS, WORKERS = 6, 25, 16


def test_every_run_ends_once_whatever_happens_to_machines(tmp_path: Path) -> None:
    folder = plan_experiment(experiment(ALGORITHMS, SEEDS), tmp_path, notify=str)
    runs = planned_runs(folder, read_manifest(folder))
    machines, heard = SimulatedMachines(WORKERS), list[tuple[str, str]]()

    def work() -> None:
        work_on(folder, runs, machines, lambda event: heard.append((event.run.name, event.kind)), str, Manner())

    work()
    assert machines.lost > 0
    assert machines.begun == len(runs) + machines.lost
    assert machines.most == WORKERS
    kinds = {run.name: [kind for name, kind in heard if name == run.name] for run in runs}
    assert all(kind == ["started", "finished"] or kind == ["started", "failed"] for kind in kinds.values())
    for run in runs:
        if run.parent is not None:
            assert heard.index((run.parent.name, kinds[run.parent.name][1])) < heard.index((run.name, "started"))
    outcomes = [each.outcomes for each in collect(folder).algorithms]
    assert sum(each["finished"] for each in outcomes) == sum(kind[1] == "finished" for kind in kinds.values())
    assert sum(each["failed"] for each in outcomes) == len(runs) - sum(each["finished"] for each in outcomes) > 0
    assert sum(each["missing"] for each in outcomes) == 0
    assert list(folder.rglob(".lease-*")) == []
    heard.clear()
    work()
    assert heard == []
    assert report(folder, Console(file=io.StringIO())).is_file()
