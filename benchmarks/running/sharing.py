"""Sharing of an experiment's runs among all processes, on whatever machines, that are at work on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.running.executor import Event, Executor, Listener, Report
from benchmarks.running.queue import Queue
from benchmarks.running.task import Task
from benchmarks.running.worker import LOOK_SECONDS
from benchmarks.specs.experiment import Run, settings_digest
from benchmarks.store.checkpoints import (
    CheckpointRefused,
    place_of,
    progress_of,
    read_run_checkpoint,
    remove_run_checkpoint,
)
from benchmarks.store.lease import Lease
from benchmarks.store.leases import Leases
from benchmarks.store.results import MACHINE_FAILED, Failure
from benchmarks.store.run_folder import CONFIG, ERROR, RESULT, RunState, read_state, set_aside, write_sealed

Notify = Callable[[str], None]
# How often it is looked at runs that others do, and what share of the time that may take.
LOOK_ELSEWHERE_SECONDS, LOOK_ELSEWHERE_SHARE = 1.0, 0.05
TAKEN = "another process has taken it over"


@dataclass(frozen=True)
class Orders:
    """Orders for the runs of one command.

    Attributes:
        out: the folder of results.
        modules, untrusted: as in `Task`.
        known: name of a run -> the error that it ended with before, and in spite of which it is done.
        anew: whether a checkpoint that cannot be gone on with is set aside.
        waits: whether the end of runs is waited for that others do, and those are taken over whose owner is gone.
    """

    out: Path
    modules: tuple[str, ...]
    untrusted: str
    known: Mapping[str, Failure]
    anew: bool
    waits: bool = True


class Sharing:
    """Sharing of runs: each is claimed, begun, listened to and released; those that others have claimed are looked at
    until they have ended, or are given up.

    Args:
        orders: for all of them.
        queue: of the runs.
        executor: where they are done.
        leases: of this process.
        listener: hears what happens.
        notify: hears, in words, of what is set aside or left.
    """

    def __init__(
        self, orders: Orders, queue: Queue, executor: Executor, leases: Leases, listener: Listener, notify: Notify
    ) -> None:
        self.orders, self.queue, self.executor, self.leases = orders, queue, executor, leases
        self.listener, self.notify = listener, notify
        self.working: dict[str, Task] = {}
        self.attempts: dict[str, int] = {}
        self.reached: dict[str, int] = {}
        self.elsewhere: dict[str, Run] = {}
        self._next_look = self._next_progress = 0.0

    def do(self) -> None:
        """Does all that can be claimed, and waits for the rest.

        Raises:
            KeyboardInterrupt: what is under way is ended first.
        """
        with self.executor:
            while True:
                self._begin()
                if not self.working and (not self.elsewhere or not self.orders.waits):
                    return
                self.executor.listen(self._hear, LOOK_SECONDS if self.working else LOOK_ELSEWHERE_SECONDS)
                for task in tuple(self.working.values()):
                    if self.leases.is_lost(task.lease):
                        self.executor.cancel(task)
                        self._taken(task)
                self._look_elsewhere()
                self._look_at_progress()

    def _begin(self) -> None:
        while len(self.working) < self.executor.jobs and (run := self.queue.take()) is not None:
            self._claim(run)

    def _claim(self, run: Run) -> None:
        folder = self.orders.out / run.name
        try:
            lease = self.leases.claim(folder)
            if lease is None:
                self.elsewhere[run.name] = run
                return
            state = read_state(folder)
            if state.status == "finished":
                remove_run_checkpoint(folder, lease)
            elif state.error is None or state.error == self.orders.known.get(run.name):
                if self._made_ready(run, lease, state):
                    self.listener(Event("started", run))
                    self._submit(Task(self.orders.out, run, lease, self.orders.modules, self.orders.untrusted))
                else:
                    self.leases.release(lease)
                return
            self.leases.release(lease)
        except OSError as error:
            self._end(run, f"{MACHINE_FAILED}: no lease was had for the run ({error})")
            return
        self._end(run, "" if state.error is None or state.result is not None else state.error.error)

    def _made_ready(self, run: Run, lease: Lease, state: RunState) -> bool:
        """Sets aside what stands in the way; whether the run can be begun then."""
        folder = self.orders.out / run.name
        for path, reason in state.broken:
            self.notify(f"{path} is broken ({reason}); kept as {set_aside(path).name}, the run is done again")
        if not place_of(folder).exists():
            return True
        try:
            read_run_checkpoint(folder, settings_digest(run.to_config()))
        except CheckpointRefused as refused:
            if not self.orders.anew:
                self.notify(f"{run.name} is left to others: {refused}")
                return False
            aside = set_aside(place_of(folder))
            self.notify(f"{run.name} is begun anew: {refused.found}; kept as {aside.name}")
        return True

    def _submit(self, task: Task) -> None:
        name = task.run.name
        self.working[name] = task
        points, _ = progress_of(self.orders.out / name)
        if points > self.reached.get(name, 0):
            # A run that gets on is not given up, however often its machine goes.
            self.reached[name], self.attempts[name] = points, 0
        self.attempts[name] = self.attempts.get(name, 0) + 1
        try:
            self.executor.submit(task)
        except OSError as error:
            self._hear(Report(task, outcome=Failure(f"{MACHINE_FAILED}: no process was had for the run ({error})")))

    def _hear(self, report: Report) -> None:
        task, outcome = report.task, report.outcome
        run = task.run
        if outcome is None:
            self.listener(Event("advanced", run, tokens=report.tokens))
            return
        if outcome != "" and not task.lease.is_held():
            self._taken(task)
            return
        if isinstance(outcome, Failure):
            if outcome.of_the_machine and self._may_be_tried_again(run.name):
                # Under another lease: what may still go on of the last attempt can write no more.
                lease = self.leases.renewed(task.lease)
                if lease is None:
                    self._taken(task)
                    return
                self.notify(f"{run.name} is tried again: {outcome.error}")
                self._submit(replace(task, lease=lease))
                return
            record(self.orders.out, run, outcome, task.lease)
            outcome = outcome.error
        del self.working[run.name]
        self.leases.release(task.lease)
        self._end(run, outcome)

    def _may_be_tried_again(self, name: str) -> bool:
        if self.executor.attempts == 1:
            return False
        got_on = progress_of(self.orders.out / name)[0] > self.reached.get(name, 0)
        return got_on or self.attempts[name] < self.executor.attempts

    def _taken(self, task: Task) -> None:
        del self.working[task.run.name]
        self.leases.release(task.lease)
        self.elsewhere[task.run.name] = task.run
        self.listener(Event("taken", task.run, message=TAKEN))

    def _end(self, run: Run, error: str) -> None:
        self.queue.end(run)
        self.listener(Event("failed", run, message=error) if error else Event("finished", run))

    def _look_elsewhere(self) -> None:
        begun = time.monotonic()
        if begun < self._next_look:
            return
        for name, run in tuple(self.elsewhere.items()):
            folder = self.orders.out / name
            if (folder / RESULT).is_file() and read_state(folder).status == "finished":
                del self.elsewhere[name]
                self._end(run, "")
            elif len(self.working) < self.executor.jobs:
                del self.elsewhere[name]
                self._claim(run)
        ended = time.monotonic()
        self._next_look = ended + max(LOOK_ELSEWHERE_SECONDS, (ended - begun) / LOOK_ELSEWHERE_SHARE)

    def _look_at_progress(self) -> None:
        """Tells how far the runs have come that are done on other machines, which say nothing but what has become of
        them: as far as their checkpoints."""
        begun = time.monotonic()
        if self.executor.is_here or begun < self._next_progress:
            return
        for task in self.working.values():
            tokens = progress_of(self.orders.out / task.run.name)[1]
            if tokens:
                self.listener(Event("advanced", task.run, tokens=tokens))
        ended = time.monotonic()
        self._next_progress = ended + max(LOOK_ELSEWHERE_SECONDS, (ended - begun) / LOOK_ELSEWHERE_SHARE)


def record(out: Path, run: Run, failure: Failure, lease: Lease) -> None:
    """Keeps what ended a run that has recorded nothing itself."""
    # What the disk does not take leaves the run unfinished: it is done again.
    with suppress(OSError):
        write_sealed(out / run.name / CONFIG, run.to_config(), lease)
        write_sealed(out / run.name / ERROR, failure.to_json(), lease)
