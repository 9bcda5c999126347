"""`python -m scale`: how long it takes to plan, share out and report so many runs, and in how much memory."""

from __future__ import annotations

import argparse
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from benchmarks.report.report import report
from benchmarks.running.planned_runs import planned_runs
from benchmarks.running.scheduler import Manner, plan_experiment, work_on
from benchmarks.store.manifest import read_manifest
from scale.simulation import SimulatedMachines, experiment

T = TypeVar("T")
ALGORITHMS = 20


def main() -> int:
    """Does it once."""
    parser = argparse.ArgumentParser(prog="python -m scale", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=256)
    parser.add_argument("--out", type=Path, help="an empty folder; a temporary one by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        _measure(given.out or Path(temporary), given.runs, given.workers)
    return 0


def _without_waiting(handle: int) -> None:
    """In place of `os.fsync`: in truth each machine waits for what it writes itself."""


def _measure(out: Path, count: int, workers: int) -> None:
    os.fsync = _without_waiting
    asked, machines = experiment(ALGORITHMS, count // ALGORITHMS), SimulatedMachines(workers)
    folder = _timed("planned", lambda: plan_experiment(asked, out, notify=str))
    runs = _timed("read back", lambda: planned_runs(folder, read_manifest(folder)))
    _timed("done", lambda: work_on(folder, runs, machines, lambda event: None, str, Manner()))
    print(f"  {machines.begun} attempts, {machines.lost} machines gone, at most {machines.most} at a time")
    _timed("planned again", lambda: work_on(folder, runs, machines, lambda event: None, str, Manner()))
    _timed("reported", lambda: report(folder, Console(file=io.StringIO())))


def _timed(what: str, do: Callable[[], T]) -> T:
    begun, processor = time.perf_counter(), time.process_time()
    found = do()
    seconds, own = time.perf_counter() - begun, time.process_time() - processor
    # In kilobytes, but for macOS.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(f"{what}: {seconds:.1f} s, {own:.1f} of the processor; {most:.0f} MB at most", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
