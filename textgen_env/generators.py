"""One random generator a row: row i of N rows draws as a single environment with that row's seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.random import PCG64

from textgen_env.kernels import kernels
from textgen_env.vocabulary import IntArray

MANY, COMPILED_FROM = 128, 8
"""Rows of a game from which on loading compiled code pays; and rows from which on it then draws faster."""


def unseeded_generator() -> np.random.Generator:
    """Generator that the operating system seeds."""
    return np.random.default_rng()


class Before(NamedTuple):
    """Generators of `rows` (K,) before something was drawn: themselves, and their states if those may change."""

    rows: IntArray
    generators: list[np.random.Generator | None]
    states: tuple[Any, ...]


class RowGenerators:
    """Random generators of N rows; one without a seed is seeded by the operating system when it is first asked for."""

    def __init__(self, num_rows: int) -> None:
        self._generators: list[np.random.Generator | None] = [None] * num_rows

    def __getitem__(self, row: int) -> np.random.Generator:
        generator = self._generators[row]
        if generator is None:
            generator = self._generators[row] = unseeded_generator()
        return generator

    def __setitem__(self, row: int, generator: np.random.Generator | None) -> None:
        self._generators[row] = generator

    def below(self, rows: IntArray, bound: int) -> IntArray:
        """A whole number of 0 .. bound - 1 for each of `rows` (K,), drawn by its generator as `integers` does: (K,)."""
        made = self._generators
        generators = [made[row] or self[row] for row in rows.tolist()]
        worth = len(made) >= MANY and len(rows) >= COMPILED_FROM and 1 < bound < 2**32
        compiled = _draws() if worth else None
        drawing = [generator.bit_generator for generator in generators]
        # One that was set may be of another kind.
        if compiled is None or set(map(type, drawing)) != {PCG64}:
            return np.fromiter((each.integers(bound) for each in generators), np.int64, len(rows))
        return _drawn(compiled, drawing, bound)

    def made(self, row: int) -> bool:
        """Whether the row has a generator already."""
        return self._generators[row] is not None

    def before_drawing(self, rows: IntArray, seeds: Sequence[int | None] | None, draws: bool) -> Before | None:
        """Seeds the generators of `rows`, and tells how they were before, for `undo`.

        Args:
            rows: (K,) which.
            seeds: K of them, as `seed` takes them, or None.
            draws: whether numbers will be drawn that may be taken back; without that and without seeds there is nothing
                to tell.
        """
        if seeds is None and not draws:
            return None
        before = Before(rows, [self._generators[row] for row in rows.tolist()], self.states(rows) if draws else ())
        if seeds is not None:
            self.seed(rows, seeds)
        return before

    def undo(self, before: Before | None) -> None:
        """Puts back what `before_drawing` told."""
        if before is None:
            return
        for row, generator in zip(before.rows.tolist(), before.generators, strict=True):
            self._generators[row] = generator
        if before.states:
            self.set_states(before.rows, before.states)

    def seed(self, rows: IntArray, seeds: Sequence[int | None]) -> None:
        """Gives each of `rows` a fresh generator; a seed of None leaves the row's as it is."""
        for row, seed in zip(rows.tolist(), seeds, strict=True):
            if seed is not None:
                self._generators[row] = np.random.default_rng(seed)

    def states(self, rows: IntArray) -> tuple[Any, ...]:
        """The state of each of `rows`; None for a generator not made yet."""
        generators = (self._generators[row] for row in rows.tolist())
        return tuple(None if generator is None else generator.bit_generator.state for generator in generators)

    def set_states(self, rows: IntArray, states: Sequence[Any]) -> None:
        """Puts `rows` back into `states`; a state of None leaves the row's generator as it is."""
        for row, state in zip(rows.tolist(), states, strict=True):
            if state is not None:
                self[row].bit_generator.state = state


def _drawn(compiled: Any, drawing: list[Any], bound: int) -> IntArray:
    states = np.array([each.ctypes.state_address for each in drawing], np.uint64)
    numbers = np.empty(len(drawing), np.int64)
    compiled.draw(drawing[0].ctypes.next_uint32, states, bound, numbers)
    return numbers


def _draws() -> Any:
    """The kernels that draw as NumPy does, or None."""
    compiled = kernels("draws")
    return compiled if compiled is not None and _is_numpys_way() else None


@cache
def _is_numpys_way() -> bool:
    """Whether the kernel draws what this NumPy draws: NumPy keeps its streams within a release, not for ever."""
    compiled = kernels("draws")
    ours, theirs = np.random.default_rng(0), np.random.default_rng(0)
    return all(
        _drawn(compiled, [ours.bit_generator], bound).item() == theirs.integers(bound)
        for bound in (2, 3, 10, 1_000, 2**31 + 1, 2**32 - 1)
        for _ in range(20)
    )
