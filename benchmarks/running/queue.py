"""Queue of runs: which is next, where some start from others."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from benchmarks.specs.experiment import Run


class Queue:
    """Queue of runs, in their order, but for one that starts from another, which waits until that one has ended.

    Args:
        runs: to be done; a run that others start from may be missing: then it has ended already.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._heirs: dict[str, list[int]] = {}
        self._ready: list[int] = []
        names = {run.name for run in runs}
        for number, run in enumerate(runs):
            if run.parent is not None and run.parent.name in names:
                self._heirs.setdefault(run.parent.name, []).append(number)
            else:
                self._ready.append(number)

    def take(self) -> Run | None:
        """Takes out the next run; None while there is none that can be begun."""
        return self._runs[heapq.heappop(self._ready)] if self._ready else None

    def end(self, run: Run) -> None:
        """Says that a run has ended, here or elsewhere: those that start from it can be begun."""
        for number in self._heirs.pop(run.name, ()):
            heapq.heappush(self._ready, number)
