"""Training with its learning curve: at once, or in segments between which the run can be kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agents.protocol import Progress
from benchmarks.evaluation.evaluator import Evaluator
from benchmarks.policies.adapter import PolicyAdapter
from benchmarks.specs.experiment import Run
from benchmarks.store.results import Point

TELL_EVERY_SECONDS = 0.1
NOTHING = Point(0, 0, 0.0, 0.0)


class CurveRecorder:
    """Recorder of the learning curve: measures it with the training clock stopped.

    Args:
        run: whose settings say at which shares of the budget.
        evaluator: measures.
        adapter: learns.
        tell: hears of the tokens spent.
        log: hears of each point.
        begun: the last point of what the run starts from.
        points: of the curve so far, of a run that goes on.
        evaluation_seconds: so far.
    """

    def __init__(
        self,
        run: Run,
        evaluator: Evaluator,
        adapter: PolicyAdapter,
        tell: Callable[[int], None],
        log: Callable[[Point], None],
        begun: Point = NOTHING,
        points: Sequence[Point] = (),
        evaluation_seconds: float = 0.0,
    ) -> None:
        self.total, self.shares = run.algorithm.total_tokens, run.evaluation.points
        self.evaluator, self.adapter, self.tell, self.log = evaluator, adapter, tell, log
        self.begun = begun
        self.points = list(points)
        for point in self.points:
            log(point)
        last = self.points[-1] if self.points else begun
        self.seconds = last.seconds
        self.evaluation_seconds = evaluation_seconds
        self.phase = last.phase if self.points else ""
        self._seen = Progress(last.tokens_generated, last.tokens_read, math.nan, {}, "", last.tokens_rolled_out)
        self._told = 0.0
        self._running: float | None = None

    @property
    def spent(self) -> int:
        """Tokens of this run's own so far, of all kinds."""
        seen = self._seen
        return seen.tokens_generated + seen.tokens_read + seen.tokens_rolled_out - self.begun.tokens_spent

    def next_segment(self) -> int:
        """Tokens until the next point of the curve; 0 at the end of the budget."""
        if self.spent >= self.total:
            return 0
        share = self.spent * self.shares // self.total + 1
        return -(-share * self.total // self.shares) - self.spent

    @contextmanager
    def training(self) -> Iterator[None]:
        """Within it the training clock runs."""
        self._running = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - self._running
            self._running = None

    def note(self, progress: Progress) -> bool:
        """Takes down the progress; False, which ends the segment, where a new phase has begun."""
        self._seen = progress
        now = time.perf_counter()
        if now - self._told > TELL_EVERY_SECONDS:
            self._told = now
            self.tell(self.spent)
        new_phase = self.phase not in ("", progress.phase)
        self.phase = progress.phase
        return not new_phase

    def watch(self, progress: Progress) -> bool:
        """`note`, and a point where a further share of the budget is used up; training goes on."""
        self.note(progress)
        last = self.points[-1].tokens_spent - self.begun.tokens_spent
        if self.spent * self.shares // self.total > last * self.shares // self.total:
            self.record()
        return True

    def record(self) -> None:
        """Measures a point."""
        stopped = time.perf_counter()
        if self._running is not None:
            self.seconds += stopped - self._running
        seen = self._seen
        mean_return, measures = self.evaluator.look(self.adapter, self.spent)
        point = Point(
            seen.tokens_generated,
            seen.tokens_read,
            self.seconds,
            mean_return,
            seen.tokens_rolled_out,
            self.phase,
            {name: float(loss) for name, loss in seen.losses.items() if math.isfinite(loss)},
            measures,
        )
        self.points.append(point)
        self.log(point)
        now = time.perf_counter()
        self.evaluation_seconds += now - stopped
        self._running = None if self._running is None else now


def train_at_once(adapter: PolicyAdapter, recorder: CurveRecorder) -> None:
    """In one call, measuring while it trains; of such a run nothing is kept before its end."""
    recorder.record()
    if recorder.total:
        with recorder.training():
            adapter.train(recorder.total, recorder.watch)
        if recorder.spent != recorder.points[-1].tokens_spent:
            recorder.record()
    recorder.tell(recorder.spent)


def train_in_segments(adapter: PolicyAdapter, recorder: CurveRecorder, keep: Callable[[], None]) -> None:
    """One call of `train` for each segment of the curve, and one more where the agent enters a new phase; `keep` is
    called after each point. A run that goes on makes the same calls as one that was never interrupted."""
    if not recorder.points:
        recorder.record()
        keep()
    while tokens := recorder.next_segment():
        before = recorder.spent
        with recorder.training():
            adapter.train(tokens, recorder.note)
        if recorder.spent <= before:
            break
        recorder.record()
        keep()
    recorder.tell(recorder.spent)
