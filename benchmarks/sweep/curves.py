"""Curves of an experiment's agents in a plane, and what is found of each two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.measures.measures import Quantity, quantity
from benchmarks.sweep.dominance import Dominance, dominance
from benchmarks.sweep.measure import Plane

FloatArray = NDArray[np.float64]
Swept = Mapping[tuple[str, int], Sequence[Mapping[str, float]]]
"""Of each label and seed the measures at each temperature."""


@dataclass(frozen=True)
class AgentCurve:
    """Curve of one algorithm in a plane.

    Attributes:
        label: of the algorithm.
        seeds: of its runs, S of them.
        values: (S, P, 2) quality and diversity as they are measured, at P temperatures.
    """

    label: str
    seeds: tuple[int, ...]
    values: FloatArray


@dataclass(frozen=True)
class Pair:
    """Two curves, each held against the other.

    Attributes:
        first, second: labels.
        seeds: that both have.
        over: whether the first dominates the second.
        under: whether the second dominates the first.
    """

    first: str
    second: str
    seeds: tuple[int, ...]
    over: Dominance
    under: Dominance

    def turned(self) -> Pair:
        """The same with the second first."""
        return Pair(self.second, self.first, self.seeds, self.under, self.over)

    @property
    def winner(self) -> Pair | None:
        """The pair with the better one first; None where neither is seen to be: one dominates, or is ahead of the
        other's points on average while the other lies behind its own."""
        for pair in (self, self.turned()):
            if pair.over.dominates and not pair.under.dominates:
                return pair
        for pair in (self, self.turned()):
            if pair.over.ahead and pair.under.ahead is not True:
                return pair
        return None


@dataclass(frozen=True)
class Drawn:
    """Drawn plane: the curves in it.

    Attributes:
        plane: which.
        temperatures: (P,) in the order of the curves.
        curves: in the experiment's order.
    """

    plane: Plane
    temperatures: tuple[float, ...]
    curves: tuple[AgentCurve, ...]

    @property
    def quality(self) -> Quantity:
        """The measure of quality."""
        return quantity(self.plane.quality)

    @property
    def diversity(self) -> Quantity:
        """The measure of diversity."""
        return quantity(self.plane.diversity)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Each two of the curves, over the seeds that both have."""
        signs = np.array([-1.0 if each.better == "lower" else 1.0 for each in (self.quality, self.diversity)])
        found = []
        for place, one in enumerate(self.curves):
            for other in self.curves[place + 1 :]:
                seeds = tuple(seed for seed in one.seeds if seed in other.seeds)
                if not seeds:
                    continue
                a, b = (each.values[[each.seeds.index(seed) for seed in seeds]] * signs for each in (one, other))
                found.append(Pair(one.label, other.label, seeds, dominance(b, a), dominance(a, b)))
        return tuple(found)


def drawn(
    planes: Sequence[Plane], temperatures: Sequence[float], labels: Sequence[str], swept: Swept
) -> tuple[Drawn, ...]:
    """The planes in which there is a curve: of the runs that have both measures at every temperature."""
    made = []
    for plane in planes:
        curves = []
        for label in labels:
            names = plane.quality, plane.diversity
            of_label = {
                seed: [[at[name] for name in names] for at in values]
                for (of, seed), values in swept.items()
                if of == label and all(name in at for at in values for name in names)
            }
            if of_label:
                curves.append(AgentCurve(label, tuple(of_label), np.array(list(of_label.values()))))
        if curves:
            made.append(Drawn(plane, tuple(temperatures), tuple(curves)))
    return tuple(made)
