"""Meter of what any library's agent does to the environments of one process: tokens, returns of whole texts, seconds.

It stands around `step` of the views, so that libraries are measured alike and their scripts know nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from textgen_env import TextGenEnv, TextGenVectorEnv


class Meter:
    """Record of what was written within `measured`, an entry a step.

    Attributes:
        tokens: written so far, at each text's end.
        returns: of each text.
        seconds: of the processor, from the first step to the latest.
    """

    def __init__(self) -> None:
        self.written = 0
        self.tokens: list[int] = []
        self.returns: list[float] = []
        self._first: float | None = None
        self.seconds = 0.0

    @contextmanager
    def measured(self) -> Iterator[Meter]:
        """Within it, every step of an environment of this process counts."""
        kept = [(view, view.step) for view in _views()]
        for view, step in kept:
            view.step = self._around(step)
        try:
            yield self
        finally:
            for view, step in kept:
                view.step = step

    def curve(self, texts: int = 200) -> list[tuple[int, float]]:
        """(tokens, mean return) of each `texts` texts that ended one after another."""
        whole = len(self.returns) // texts * texts
        means = np.array(self.returns[:whole]).reshape(-1, texts).mean(1)
        return list(zip(self.tokens[texts - 1 : whole : texts], means.tolist(), strict=True))

    def _around(self, step: Any) -> Any:
        def counted(view: Any, *args: Any, **kwargs: Any) -> Any:
            if self._first is None:
                self._first = time.process_time()
            core = view.core
            before = core.returns.copy()
            moved = core.running.copy()
            answer = step(view, *args, **kwargs)
            self.written += int(moved.sum())
            rewards, over = (np.atleast_1d(np.asarray(each)) for each in answer[1:3])
            for row in np.flatnonzero(over):
                self.tokens.append(self.written)
                self.returns.append(float(before[row] + rewards[row]))
            self.seconds = time.process_time() - self._first
            return answer

        return counted


def _views() -> list[Any]:
    views: list[Any] = [TextGenEnv, TextGenVectorEnv]
    try:
        from textgen_env.sb3 import TextGenVecEnv
    except ImportError:
        return views
    return [*views, _Stepping(TextGenVecEnv)]


class _Stepping:
    """Stable-Baselines3's view, whose step is `step_wait`."""

    def __init__(self, view: Any) -> None:
        self._view = view

    @property
    def step(self) -> Any:
        """`step_wait` of the class."""
        return self._view.step_wait

    @step.setter
    def step(self, other: Any) -> None:
        self._view.step_wait = other
