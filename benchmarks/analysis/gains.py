"""Gains: whether learning on a metric beat what it is compared with on that metric, by how much, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.analysis.differences import Difference, compared_with, differences
from benchmarks.analysis.load import Collected
from benchmarks.analysis.significance import welch_interval
from benchmarks.measures.measures import Quantity, quantity

LEVEL = 0.05


def gain(collected: Collected) -> str:
    """The answer in one sentence, for an experiment with a `metric`; "" for any other.

    An algorithm beats the one compared with, or falls behind it, where Welch's test between runs says so after Holm's
    correction for all that are compared; the intervals are of single differences, not corrected.
    """
    asked, other = collected.experiment, compared_with(collected)
    if not asked.metric or other is None:
        return ""
    of = quantity(asked.metric, asked.unit)
    found = {each.label: each for each in differences(collected, of.name) if each.label in asked.learners}
    values = other.values.get(of.name, [])
    if not values or all(each.test is None for each in found.values()):
        reasons = dict.fromkeys(each.reason for each in found.values())
        return f"Whether learning on the metric beat {asked.compared_with} is not known: {', '.join(reasons)}."
    outcomes = {label: _outcome(each, of) for label, each in found.items()}
    ahead = [label for label, outcome in outcomes.items() if outcome == "ahead"]
    parts = [
        f"{word}: {', '.join(_said(collected, found[label], of) for label in labels)}"
        for word, labels in (
            ("ahead", ahead),
            ("behind", [label for label, outcome in outcomes.items() if outcome == "behind"]),
            ("not told apart", [label for label, outcome in outcomes.items() if outcome == "alike"]),
            ("not tested", [label for label, outcome in outcomes.items() if outcome == "untested"]),
        )
        if labels
    ]
    answer = f"in {len(ahead)} of {len(found)} algorithms" if ahead else "in none of its algorithms"
    return (
        f"Learning on the metric beat {asked.compared_with}, with {of.title} {np.mean(values):.{of.digits}f}, {answer}"
        f"; {'; '.join(parts)}."
    )


def _outcome(found: Difference, of: Quantity) -> str:
    """In words; "alike" where chance may be all there is."""
    if found.difference is None or found.p_holm is None:
        return "untested"
    if found.p_holm >= LEVEL:
        return "alike"
    return "ahead" if (found.difference > 0) == (of.better != "lower") else "behind"


def _said(collected: Collected, found: Difference, of: Quantity) -> str:
    if found.difference is None:
        return f"{found.label} without a result"
    said = f"{found.label} {found.difference:+.{of.digits}f}"
    interval = welch_interval(*_values(collected, found.label, of.name)) if found.test is not None else None
    if interval is not None and found.p_holm is not None:
        low, high = (f"{end:+.{of.digits}f}" for end in interval)
        said += f" (95% interval {low} to {high}, Holm's p {found.p_holm:.2g})"
    costs = [_cost(collected, found.label, name) for name in collected.experiment.costs]
    known = [cost for cost in costs if cost]
    return f"{said} at {' and '.join(known)}" if known else said


def _cost(collected: Collected, label: str, name: str) -> str:
    """The difference of the means in a measure that is not the metric; "" where one is not known."""
    of = quantity(name, collected.experiment.unit)
    own, others = _values(collected, label, name)
    return f"{of.title} {np.mean(own) - np.mean(others):+.{of.digits}f}" if own and others else ""


def _values(collected: Collected, label: str, name: str) -> tuple[Sequence[float], Sequence[float]]:
    """Of an algorithm's runs, and of those compared with."""
    by_label = {each.label: each.values.get(name, []) for each in collected.algorithms}
    return by_label[label], by_label[collected.experiment.compared_with]
