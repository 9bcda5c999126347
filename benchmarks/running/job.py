"""Job: one run, trained, evaluated on the way and at the end, measured and kept."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmarks.evaluation.evaluator import Evaluator, Final, best_point
from benchmarks.evaluation.result import result_of
from benchmarks.policies.adapter import Counts, KeptAdapter, PolicyAdapter, ResumableAdapter
from benchmarks.policies.agent import AgentAdapter
from benchmarks.policies.environments import (
    generator_states,
    learned_reward,
    load_reward,
    save_reward,
    set_generator_states,
)
from benchmarks.running.machine_failures import machine_failure
from benchmarks.running.tensorboard import EventLog
from benchmarks.running.training import NOTHING, CurveRecorder, train_at_once, train_in_segments
from benchmarks.specs.experiment import InitAt, Run, settings_digest
from benchmarks.specs.file_digests import FILES
from benchmarks.store.checkpoints import (
    RunCheckpoint,
    place_of,
    read_run_checkpoint,
    remove_run_checkpoint,
    write_run_checkpoint,
)
from benchmarks.store.lease import LEASE_LOST, Lease
from benchmarks.store.results import Failure, Measurement, Point, Result
from benchmarks.store.run_folder import (
    AGENT,
    BEST,
    CONFIG,
    ERROR,
    REWARD,
    read_state,
    remove_drafts,
    write_result,
    write_sealed,
)
from textgen_env.plain_text import plain_text

MOST_WORDS, MOST_TRACEBACK = 10_000, 100_000
"""Characters that are kept of an error, and of a traceback."""
Tell = Callable[[int], None]


class ParentFailed(Exception):
    """Error: the run that this one starts from has left no agent to start from; the message says why."""


class MachineFailed(Exception):
    """Error: the machine failed the run that this one starts from."""


def execute(out: Path, run: Run, lease: Lease, tell: Tell) -> str | None:
    """Does a run, or goes on with it, and keeps its result, or the error that ended it, in its folder below `out`, as
    long as the lease is held.

    Returns:
        None, or the error in one line; of a lease that was lost it is recorded nowhere.
    """
    folder = out / run.name
    job: Job | None = None
    try:
        lease.check()
        remove_drafts(folder)
        lease.remove(folder / ERROR)
        write_sealed(folder / CONFIG, run.to_config(), lease)
        job = Job(out, run, lease, tell)
        write_result(folder, job.perform(), lease)
        remove_run_checkpoint(folder, lease)
    # An agent that ends the program ends its run alone.
    except (Exception, SystemExit) as error:
        if not lease.is_held():
            return f"{LEASE_LOST}: another process has taken the run over"
        failure = _failure(error, folder, job)
        # A disk that is full takes no error either: then the run is unfinished, and done again as well.
        with suppress(OSError):
            write_sealed(folder / ERROR, failure.to_json(), lease)
        return failure.error
    return None


def _failure(error: BaseException, folder: Path, job: Job | None) -> Failure:
    said = f"{type(error).__name__}: {error}"
    if not isinstance(error, MachineFailed):
        said = machine_failure(error, folder) or said
    story = plain_text(traceback.format_exc(), MOST_TRACEBACK)
    failure = Failure(plain_text(said, MOST_WORDS), story, () if job is None else job.curve)
    return failure.with_last(job.last_finite()) if job is not None and failure.diverged else failure


class Job:
    """Job: a run being done. A policy that can be resumed is kept after every point of its curve, and gone on with from
    there; any other is trained in one go.

    Args:
        out: the folder of results.
        run: what is done.
        lease: of the run's folder, under which all is written.
        tell: hears of the tokens spent.

    Raises:
        ParentFailed, MachineFailed: the run that this one starts from has no agent.
        benchmarks.store.checkpoints.CheckpointRefused: what there is cannot be gone on with.
        Others as the adapter and `Evaluator`.
    """

    def __init__(self, out: Path, run: Run, lease: Lease, tell: Tell) -> None:
        self.run, self.folder, self.lease = run, out / run.name, lease
        self.settings = settings_digest(run.to_config())
        self.kept = read_run_checkpoint(self.folder, self.settings)
        parent, begun = (None, NOTHING) if run.parent is None else _agent_of(out, run.parent, run.algorithm.init_at)
        spent = begun.tokens_generated, begun.tokens_read, begun.tokens_rolled_out
        self.adapter = adapter_of(run, parent, spent)
        self.evaluator = Evaluator(run, learned_reward(self.adapter.envs))
        self.resumable = self.adapter if isinstance(self.adapter, ResumableAdapter) else None
        if self.resumable is not None and self.kept is not None:
            self._take_up(self.resumable, self.kept)
        self.events = EventLog(self.folder)
        points, seconds = ((), 0.0) if self.kept is None else (self.kept.curve, self.kept.evaluation_seconds)
        self.recorder = CurveRecorder(run, self.evaluator, self.adapter, tell, self.events.add, begun, points, seconds)

    @property
    def curve(self) -> tuple[Point, ...]:
        """So far."""
        return tuple(self.recorder.points)

    def perform(self) -> Result:
        """Trains and measures, and leaves what can be saved in the run's folder: the final policy, and the best by
        validation.

        Raises:
            FloatingPointError: numbers that are not finite: the run has diverged.
        """
        resumable = self.resumable
        try:
            if resumable is None:
                train_at_once(self.adapter, self.recorder)
            else:
                train_in_segments(resumable, self.recorder, partial(self._keep, resumable))
        finally:
            self.events.close()
        begun = time.perf_counter()
        final = self.evaluator.finish(self.adapter)
        if learned_reward(self.adapter.envs) is not None:
            self.lease.write_whole(self.folder / REWARD, partial(save_reward, self.adapter.envs))
        best = None
        if resumable is not None:
            best = self._leave_policies(resumable, final)
        elif isinstance(self.adapter, KeptAdapter):
            self.lease.write_whole(self.folder / AGENT, self.adapter.save_policy)
        seconds = self.recorder.evaluation_seconds + time.perf_counter() - begun
        return result_of(self.evaluator, final, self.curve, seconds, best)

    def last_finite(self) -> Measurement | None:
        """The final evaluation of the policy that was kept last, of a run that has diverged; None where none was."""
        # It explains an error that is being recorded, and must not take its place.
        with suppress(Exception):
            kept = read_run_checkpoint(self.folder, self.settings)
            if self.resumable is not None and kept is not None:
                self._take_up(self.resumable, kept)
                return self.evaluator.finish(self.adapter).at(kept.curve[-1])
        return None

    def _take_up(self, adapter: ResumableAdapter, kept: RunCheckpoint) -> None:
        place = place_of(self.folder)
        adapter.load(place / kept.files["agent"])
        adapter.offset = kept.offset
        set_generator_states(adapter.envs, kept.generators)
        if "reward" in kept.files:
            load_reward(adapter.envs, place / kept.files["reward"])

    def _keep(self, adapter: ResumableAdapter) -> None:
        if not self.run.algorithm.total_tokens:
            return
        place, points = place_of(self.folder), self.curve
        self.lease.check()
        place.mkdir(exist_ok=True)
        files = {"agent": f"agent-{len(points)}.safetensors"}
        self.lease.write_whole(place / files["agent"], adapter.save)
        name = f"reward-{len(points)}.safetensors"
        if save_reward(adapter.envs, self.lease.place / name):
            os.replace(self.lease.place / name, place / name)
            files["reward"] = name
        best = best_point(points, self.run.evaluation.validation)
        if best is not None:
            files["best"] = f"agent-{best + 1}.safetensors"
        self.kept = RunCheckpoint(
            self.settings,
            points,
            self.recorder.evaluation_seconds,
            adapter.offset,
            best,
            generator_states(adapter.envs),
            files,
        )
        write_run_checkpoint(self.folder, self.kept, self.lease)

    def _leave_policies(self, adapter: ResumableAdapter, final: Final) -> Measurement | None:
        """Puts the final policy into the run's folder, and the best by validation; measures that if it is another."""
        if self.kept is None:
            self.lease.write_whole(self.folder / AGENT, adapter.save)
            return None
        place, points, best = place_of(self.folder), self.curve, self.kept.best
        self.lease.write_whole(self.folder / AGENT, partial(shutil.copyfile, place / self.kept.files["agent"]))
        if best is None:
            return None
        kept = place / self.kept.files["best"]
        self.lease.write_whole(self.folder / BEST, partial(shutil.copyfile, kept))
        if best == len(points) - 1:
            return final.at(points[best])
        adapter.load(kept)
        return self.evaluator.finish(adapter).at(points[best])


def adapter_of(run: Run, parent: Path | None = None, spent: Counts = (0, 0, 0)) -> PolicyAdapter:
    """The adapter of a run's algorithm; it begins as the agent in the file `parent`, which has `spent`, if there is
    one."""
    if run.algorithm.kind == "sb3":
        # Stable-Baselines3 is an extra, which only experiments that compare it need.
        from benchmarks.policies.sb3 import SB3Adapter

        return SB3Adapter(run)
    return AgentAdapter(run, parent, spent)


def _agent_of(out: Path, parent: Run, at: InitAt) -> tuple[Path, Point]:
    """The file of a finished run's agent, at the end of its curve or at the best point, and that point."""
    state, path = read_state(out / parent.name), out / parent.name / (BEST if at == "best" else AGENT)
    if state.result is None:
        why = f": {state.error.error}" if state.error is not None else ""
        of_the_machine = state.error is not None and state.error.of_the_machine
        error = MachineFailed if of_the_machine else ParentFailed
        raise error(f"this run starts from {parent.name}, which is {state.status}{why}")
    config = state.config
    if config is None or settings_digest(config) != settings_digest(parent.to_config(FILES in config)):
        raise ParentFailed(f"this run starts from {parent.name}, whose result is of other settings")
    best = state.result.best
    if at == "best" and best is None:
        raise ParentFailed(
            f"this run starts from the best point of {parent.name}, which was not validated; have a task with test data"
        )
    if not path.is_file():
        raise ParentFailed(
            f"this run starts from {parent.name}, but {path} is missing; move that folder away to do it anew"
        )
    return path, best.point if at == "best" and best is not None else state.result.curve[-1]
