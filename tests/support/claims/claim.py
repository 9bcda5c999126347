"""Claim of a page of results: a folder, its words, and its numbers, from the means of agents by measure."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.experiments.metric import LEARNERS

Of = Callable[[str, str], float]
"""The mean of an agent in a measure."""
Numbers = Callable[[Of], tuple[float, ...]]
Claim = tuple[str, str, Numbers]


def best_learner(of: Of, measure: str) -> float:
    """The highest mean among the rows that learn on the metric."""
    return max(of(label, measure) for label in LEARNERS)
