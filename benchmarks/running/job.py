"""One run: train, evaluate on the way and at the end, measure, keep."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from benchmarks.evaluation.evaluator import Evaluator, Final
from benchmarks.evaluation.references import oracle_entropy, references
from benchmarks.measures.measures import sequence_nll_oracle
from benchmarks.running.training import CurveRecorder
from benchmarks.specs.experiment import Kind, Run
from benchmarks.store.checkpoints import remove_run_checkpoint
from benchmarks.store.provenance import versions
from benchmarks.store.results import Failure, Measurement, Point, Result
from benchmarks.store.run_folder import CONFIG, ERROR, RESULT, remove_drafts, write_json
from textgen_env.registries import load_object

Tell = Callable[[int], None]
# By import path: Stable-Baselines3 is an extra, which only experiments that compare it need.
JOBS: Mapping[Kind, str] = {
    "agent": "benchmarks.running.agent_job:AgentJob",
    "sb3": "benchmarks.running.sb3_job:SB3Job",
}


class Job(Protocol):
    """A run being done; the constructor is `Job(out, run, tell)`, `tell` hearing of the tokens spent.

    Attributes:
        curve: so far.
    """

    @property
    def curve(self) -> tuple[Point, ...]: ...

    def perform(self) -> Result:
        """Trains and measures.

        Raises:
            FloatingPointError: numbers that are not finite: the run has diverged.
        """
        ...

    def last_finite(self) -> Measurement | None:
        """What there is to be measured of a run that has diverged."""
        ...


def execute(out: Path, run: Run, tell: Tell) -> str | None:
    """Does a run, or goes on with it, and keeps its result, or the error that ended it, in its folder below `out`.

    Returns:
        None, or the error in one line.
    """
    folder = out / run.name
    folder.mkdir(parents=True, exist_ok=True)
    remove_drafts(folder)
    (folder / ERROR).unlink(missing_ok=True)
    write_json(folder / CONFIG, run.to_config())
    job: Job | None = None
    try:
        job = load_object(JOBS[run.algorithm.kind])(out, run, tell)
        write_json(folder / RESULT, job.perform().to_json())
        remove_run_checkpoint(folder)
    except Exception as error:
        failure = Failure(f"{type(error).__name__}: {error}", traceback.format_exc(), () if job is None else job.curve)
        if job is not None and failure.diverged:
            failure = failure.with_last(job.last_finite())
        write_json(folder / ERROR, failure.to_json())
        return failure.error
    return None


def result_of(
    evaluator: Evaluator, recorder: CurveRecorder, final: Final, seconds: float, best: Measurement | None = None
) -> Result:
    """All that a finished run yields; `seconds` are those of the final evaluation.

    Raises:
        FloatingPointError: a return that is not finite.
    """
    begun = time.perf_counter()
    returns, texts = final.played.returns, final.played.texts
    decode = evaluator.task.vocabulary.decode
    return Result(
        curve=tuple(recorder.points),
        mean_return=final.mean_return,
        std_return=float(returns.std(ddof=1)) if len(returns) > 1 else 0.0,
        measures=final.values,
        errors=final.errors,
        sequence_nll_oracle=sequence_nll_oracle(final.measured),
        reasons=final.reasons,
        references=references(evaluator.envs, evaluator.test_texts),
        oracle_entropy=oracle_entropy(evaluator.task),
        samples=tuple(decode(ids.tolist()) for ids in texts.tokens[: evaluator.settings.sample_texts]),
        evaluation_seconds=recorder.evaluation_seconds + seconds + time.perf_counter() - begun,
        versions=versions(),
        best=best,
    )
