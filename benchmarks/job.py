"""One run: train, evaluate on the way and at the end, measure, keep."""

from __future__ import annotations

import math
import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium

import textgen_env
from agents.rollout import Evaluation, evaluate
from benchmarks.contestants import Contestant
from benchmarks.measures import MEASURES, Measured, NotApplicable, oracle_entropy, references, sequence_nll_oracle
from benchmarks.results import Point, Result
from benchmarks.specs import Kind, Run, load_object
from benchmarks.storage import CONFIG, ERROR, RESULT, remove_drafts, write_json
from textgen_env.metrics import Estimate

# Evaluation plays in environments of its own, whose seeds lie apart from those of training.
SEED_STRIDE = 1_000_000
MAX_EVALUATION_ENVS = 256
TELL_EVERY_SECONDS = 0.1
# By import path: Stable-Baselines3 is an extra, which only experiments with a row of it need.
CONTESTANTS: Mapping[Kind, str] = {
    "agent": "benchmarks.contestants:AgentContestant",
    "sb3": "benchmarks.sb3_contestant:SB3Contestant",
}
DISTRIBUTIONS = ("numpy", "torch", "gymnasium", "stable-baselines3", "sb3-contrib")


def execute(out: Path, run: Run, tell: Callable[[int], None]) -> str | None:
    """Does a run and keeps its result, or the error that ended it, in its folder below `out`.

    Returns:
        None, or the error in one line.
    """
    folder = out / run.name
    folder.mkdir(parents=True, exist_ok=True)
    remove_drafts(folder)
    (folder / ERROR).unlink(missing_ok=True)
    write_json(folder / CONFIG, run.to_config())
    try:
        result = perform(run, tell)
        write_json(folder / RESULT, result.to_json())
    except Exception as error:
        line = f"{type(error).__name__}: {error}"
        write_json(folder / ERROR, {"error": line, "traceback": traceback.format_exc()})
        return line
    return None


def perform(run: Run, tell: Callable[[int], None]) -> Result:
    """Trains and measures; `tell` hears of the tokens generated and read.

    Raises:
        FloatingPointError: a return or a measure that is not finite.
    """
    settings = run.evaluation
    envs: Any = gymnasium.make_vec(
        settings.env_id or run.env_id,
        num_envs=min(MAX_EVALUATION_ENVS, settings.final_episodes),
        **(run.env_kwargs if settings.env_id is None else settings.env_kwargs),
    )
    contestant: Contestant = load_object(CONTESTANTS[run.row.kind])(run)
    judge = Judge(run, contestant, envs)
    recorder = CurveRecorder(run, judge, tell)
    if run.row.total_tokens:
        contestant.train(run.row.total_tokens, recorder.watch)
    recorder.finish()
    begun = time.perf_counter()
    final = judge.play(settings.final_episodes, SEED_STRIDE // 2)
    task = envs.unwrapped.task
    measured = Measured(contestant, final.texts, task, settings.test_texts)
    estimates, reasons = _estimates(settings.measures, measured)
    return Result(
        curve=tuple(recorder.points),
        mean_return=_finite("the final return", float(final.returns.mean())),
        std_return=float(final.returns.std(ddof=1)) if len(final.returns) > 1 else 0.0,
        measures={name: estimate.value for name, estimate in estimates.items()},
        errors={name: estimate.error for name, estimate in estimates.items() if math.isfinite(estimate.error)},
        sequence_nll_oracle=sequence_nll_oracle(measured),
        reasons=reasons,
        references=references(envs, settings.test_texts),
        oracle_entropy=oracle_entropy(task),
        samples=tuple(task.vocabulary.decode(ids.tolist()) for ids in final.texts.tokens[: settings.sample_texts]),
        evaluation_seconds=recorder.evaluation_seconds + time.perf_counter() - begun,
        versions=_versions(),
    )


class Judge:
    """Plays evaluation episodes, the same for every kind of policy.

    Args:
        run: whose seed the episodes' seeds are derived from.
        contestant: the policy.
        envs: to evaluate in.
    """

    def __init__(self, run: Run, contestant: Contestant, envs: Any) -> None:
        self.seed = SEED_STRIDE * (run.seed + 1)
        self.masked = run.row.masked
        self.contestant = contestant
        self.envs = envs

    def play(self, episodes: int, offset: int = 0) -> Evaluation:
        """`episodes` texts of the policy as it stands, drawn rather than taken greedily."""
        seed = self.seed + offset
        with self.contestant.drawing(seed):
            return evaluate(self.contestant.predict, self.envs, episodes, seed=seed, masked=self.masked)


class CurveRecorder:
    """Measures the learning curve while training calls `watch`, with the training clock stopped."""

    def __init__(self, run: Run, judge: Judge, tell: Callable[[int], None]) -> None:
        self.settings = run.evaluation
        self.total = max(run.row.total_tokens, 1)
        self.judge = judge
        self.tell = tell
        self.points: list[Point] = []
        self.seconds = 0.0
        self.evaluation_seconds = 0.0
        self._seen = (0, 0)
        self._told = 0.0
        self._resumed: float | None = None
        self._record()

    def watch(self, tokens_generated: int, tokens_read: int) -> None:
        """Notes the progress; evaluates if a further share of the budget is used up."""
        self._seen = (tokens_generated, tokens_read)
        done = tokens_generated + tokens_read
        now = time.perf_counter()
        if now - self._told > TELL_EVERY_SECONDS:
            self._told = now
            self.tell(done)
        last = self.points[-1]
        share = self.total / self.settings.points
        if done // share > (last.tokens_generated + last.tokens_read) // share:
            self._record()

    def finish(self) -> None:
        """Evaluates the end of training, if that is not yet done."""
        last = self.points[-1]
        if self._seen != (last.tokens_generated, last.tokens_read):
            self._record()
        self.tell(sum(self._seen))

    def _record(self) -> None:
        stopped = time.perf_counter()
        if self._resumed is not None:
            self.seconds += stopped - self._resumed
        generated, read = self._seen
        mean_return = float(self.judge.play(self.settings.episodes).returns.mean())
        _finite(f"the return after {generated + read} tokens", mean_return)
        self.points.append(Point(generated, read, self.seconds, mean_return))
        self._resumed = time.perf_counter()
        self.evaluation_seconds += self._resumed - stopped


def _estimates(names: tuple[str, ...], measured: Measured) -> tuple[dict[str, Estimate], dict[str, str]]:
    estimates: dict[str, Estimate] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            estimates[name] = MEASURES[name](measured)
            _finite(name, estimates[name].value)
        except NotApplicable as reason:
            reasons[name] = str(reason)
    return estimates, reasons


def _finite(what: str, value: float) -> float:
    if not math.isfinite(value):
        raise FloatingPointError(f"{what} is {value}: the run has diverged")
    return value


def _versions() -> dict[str, str]:
    found = {"textgen-env": textgen_env.__version__, "python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except ImportError:
            continue
    return found | {"platform": platform.platform(), "processors": str(os.cpu_count())}
