"""A run of an agent: kept after every point of its curve, and gone on with from there."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmarks.evaluation.evaluator import Evaluator, Final, best_point
from benchmarks.policies.agent import AgentAdapter
from benchmarks.policies.environments import generator_states, load_reward, save_reward, set_generator_states
from benchmarks.running.job import Tell, result_of
from benchmarks.running.tensorboard import EventLog
from benchmarks.running.training import NOTHING, CurveRecorder, train_in_segments
from benchmarks.specs.experiment import Run, settings_digest
from benchmarks.specs.file_digests import FILES
from benchmarks.store.checkpoints import RunCheckpoint, place_of, read_run_checkpoint, write_run_checkpoint
from benchmarks.store.results import Measurement, Point, Result
from benchmarks.store.run_folder import AGENT, BEST, read_state, write_whole


class ParentFailed(Exception):
    """The run that this one starts from has left no agent to start from; the message says why."""


class AgentJob:
    """See `benchmarks.running.job.Job`.

    Raises:
        ParentFailed: the run that this one starts from has no agent.
        benchmarks.store.checkpoints.CheckpointRefused: what there is cannot be gone on with.
        Others as `AgentAdapter` and `Evaluator`.
    """

    def __init__(self, out: Path, run: Run, tell: Tell) -> None:
        self.run, self.folder = run, out / run.name
        self.settings = settings_digest(run.to_config())
        self.kept = read_run_checkpoint(self.folder, self.settings)
        parent, begun = (None, NOTHING) if run.parent is None else _agent_of(out, run.parent)
        self.evaluator = Evaluator(run)
        spent = begun.tokens_generated, begun.tokens_read, begun.tokens_rolled_out
        self.adapter = AgentAdapter(run, parent, spent)
        if self.kept is not None:
            self._take_up(self.kept)
        self.events = EventLog(self.folder)
        self.recorder = CurveRecorder(
            run, self.evaluator, self.adapter, tell, self.events.add, begun, *_standing(self.kept)
        )

    @property
    def curve(self) -> tuple[Point, ...]:
        """So far."""
        return tuple(self.recorder.points)

    def perform(self) -> Result:
        """Trains and measures, and leaves the final agent, and the best by validation, in the run's folder."""
        try:
            train_in_segments(self.adapter, self.recorder, self._keep)
        finally:
            self.events.close()
        begun = time.perf_counter()
        final = self.evaluator.finish(self.adapter)
        best = self._leave_agents(final)
        return result_of(self.evaluator, self.recorder, final, time.perf_counter() - begun, best)

    def last_finite(self) -> Measurement | None:
        """Of the agent that was kept last: the final evaluation of it."""
        # It explains an error that is being recorded, and must not take its place.
        with suppress(Exception):
            kept = read_run_checkpoint(self.folder, self.settings)
            if kept is not None:
                self._take_up(kept)
                return self.evaluator.finish(self.adapter).at(kept.curve[-1])
        return None

    def _take_up(self, kept: RunCheckpoint) -> None:
        place = place_of(self.folder)
        self.adapter.load(place / kept.files["agent"])
        self.adapter.offset = kept.offset
        set_generator_states(self.adapter.envs, kept.generators)
        for what, envs in (("reward", self.adapter.envs), ("evaluation_reward", self.evaluator.envs)):
            if what in kept.files:
                load_reward(envs, place / kept.files[what])

    def _keep(self) -> None:
        if not self.run.algorithm.total_tokens:
            return
        place, points = place_of(self.folder), self.curve
        place.mkdir(exist_ok=True)
        files = {"agent": f"agent-{len(points)}.safetensors"}
        self.adapter.agent.save(place / files["agent"])
        for what, envs in (("reward", self.adapter.envs), ("evaluation_reward", self.evaluator.envs)):
            name = f"{what}-{len(points)}.safetensors"
            if save_reward(envs, place / name):
                files[what] = name
        best = best_point(points, self.run.evaluation.validation)
        if best is not None:
            files["best"] = f"agent-{best + 1}.safetensors"
        self.kept = RunCheckpoint(
            self.settings,
            points,
            self.recorder.evaluation_seconds,
            self.adapter.offset,
            best,
            generator_states(self.adapter.envs),
            files,
        )
        write_run_checkpoint(self.folder, self.kept)

    def _leave_agents(self, final: Final) -> Measurement | None:
        """Puts the final agent into the run's folder, and the best by validation; measures that if it is another."""
        if self.kept is None:
            write_whole(self.folder / AGENT, self.adapter.agent.save)
            return None
        place, points, best = place_of(self.folder), self.curve, self.kept.best
        write_whole(self.folder / AGENT, partial(shutil.copyfile, place / self.kept.files["agent"]))
        if best is None:
            return None
        kept = place / self.kept.files["best"]
        write_whole(self.folder / BEST, partial(shutil.copyfile, kept))
        if best == len(points) - 1:
            return final.at(points[best])
        self.adapter.load(kept)
        return self.evaluator.finish(self.adapter).at(points[best])


def _standing(kept: RunCheckpoint | None) -> tuple[tuple[Point, ...], float]:
    return ((), 0.0) if kept is None else (kept.curve, kept.evaluation_seconds)


def _agent_of(out: Path, parent: Run) -> tuple[Path, Point]:
    """The file of a finished run's agent, and the end of its curve."""
    state, path = read_state(out / parent.name), out / parent.name / AGENT
    if state.result is None:
        why = f": {state.error.error}" if state.error is not None else ""
        raise ParentFailed(f"this run starts from {parent.name}, which is {state.status}{why}")
    config = state.config
    if config is None or settings_digest(config) != settings_digest(parent.to_config(FILES in config)):
        raise ParentFailed(f"this run starts from {parent.name}, whose result is of other settings")
    if not path.is_file():
        raise ParentFailed(
            f"this run starts from {parent.name}, but {path} is missing; move that folder away to do it anew"
        )
    return path, state.result.curve[-1]
