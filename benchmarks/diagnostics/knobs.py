"""Knobs of the game of diagnostics: what each varies, over which values, and the game that each value is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ENV_ID = "TextGen-Tiny-v0"
BASE = "base"
"""The game that every knob but noise begins with."""
CONTROL = "Uniform"
"""Label of uniform tokens, which score 0 in everything."""
Kwargs = dict[str, Any]


@dataclass(frozen=True)
class Knob:
    """One thing that is made harder, all others left as they are.

    Attributes:
        name: of the diagnostic.
        title: what the knob is.
        values: that it takes, from the easiest on.
        base: which of them is the game `BASE`; None for none.
        kwargs: of `gymnasium.make`, for a value.
    """

    name: str
    title: str
    values: tuple[float, ...]
    base: float | None
    kwargs: Callable[[Any], Kwargs]

    @property
    def games(self) -> tuple[str, ...]:
        """Names of the games of `values`, in their order."""
        return tuple(BASE if value == self.base else f"{self.name}-{value:g}" for value in self.values)


def _goal(**knob: Any) -> Kwargs:
    return {"reward": {"name": "goal", **knob}}


KNOBS: tuple[Knob, ...] = (
    Knob("horizon", "tokens of a text, T", (2, 3, 5, 7, 9), 5, lambda value: {"max_length": value, **_goal()}),
    Knob("vocabulary", "tokens to choose from, V", (3, 4, 6, 8, 12), 4, lambda value: {"vocab_size": value, **_goal()}),
    Knob("sparsity", "matches that are paid at once", (1, 2, 3, 4, 5), 1, lambda value: _goal(sparsity=value)),
    Knob(
        "noise",
        "standard deviation of the reward's noise; the optimum is 1",
        (0.0, 0.25, 0.5, 1.0, 2.0),
        None,
        lambda value: {"task": "judged", **_goal(noise=value)},
    ),
    Knob(
        "multimodality",
        "texts that attract: the goal, and others that earn 3/4",
        (1, 4, 8, 16, 32),
        1,
        lambda v: _goal(modes=v),
    ),
    Knob(
        "bifurcation",
        "worth of leaving the path at the first token",
        (0.0, 0.2, 0.4, 0.6, 0.8),
        None,
        lambda value: _goal(bait=value),
    ),
    Knob(
        "drift",
        "finished texts from one change of the goal to the next; 0: none",
        (0, 1_024, 512, 256, 128),
        0,
        lambda value: {"reward": {"name": "drifting_goal", "every": value}},
    ),
)


def games() -> Mapping[str, Kwargs]:
    """Name -> keyword arguments of `gymnasium.make`, of every game that some knob asks for."""
    found: dict[str, Kwargs] = {BASE: _goal()}
    for knob in KNOBS:
        for name, value in zip(knob.games, knob.values, strict=True):
            found.setdefault(name, knob.kwargs(value))
    return found
